import { createRequire } from 'node:module'
import protobuf from 'protobufjs'
import type { Replacing } from './replace-once.ts'

/** The calls of etcd that this package makes. */
const calls = { KV: ['Range'], Watch: ['Watch'], Auth: ['Authenticate'] }

/**
 * The fields that this package reads, for each type of a response that has 64-bit numbers. etcd also sends IDs in these
 * types. protobufjs would make a text of each ID, which takes a quarter of a millisecond when a list changes first.
 */
const fields = {
  ResponseHeader: ['revision'],
  RangeResponse: ['header', 'kvs'],
  WatchResponse: ['header', 'created', 'canceled', 'compact_revision', 'cancel_reason', 'events'],
  KeyValue: ['create_revision', 'mod_revision', 'version', 'value'],
}

/** The one place where etcd3 reads its `.proto`. */
const readsFile = '(0, proto_loader_1.loadSync)(`${__dirname}/../proto/rpc.proto`,'

/**
 * Returns a rolldown plugin that gives etcd3 its `.proto` as JSON, so that etcd3 reads no file beside its own code and
 * parses no text when it is loaded.
 *
 * The build fails if etcd3 reads the file in another place, or no longer has one of the calls.
 */
export function etcdDescriptor(): Replacing {
  let places = 0
  return {
    name: 'etcd-descriptor',
    transform(code, id) {
      if (!/[\\/]node_modules[\\/]etcd3[\\/]/.test(id)) return null
      const parts = code.split(readsFile)
      if (parts.length === 1) return null
      places += parts.length - 1
      return parts.join(`(0, proto_loader_1.fromJSON)(${JSON.stringify(descriptor())},`)
    },
    buildEnd() {
      if (places !== 1) throw new Error(`etcd3 reads its .proto in ${places} known places, and not in one`)
    },
  }
}

/** Returns the calls above and the types that they use, as the JSON of protobufjs. */
function descriptor(): protobuf.INamespace {
  const file = createRequire(import.meta.url).resolve('etcd3/proto/rpc.proto')
  const root = new protobuf.Root().loadSync(file, { keepCase: true })
  root.resolveAll()
  for (const [name, names] of Object.entries(fields)) keepFields(root.lookupType(name), names)
  const needed = new Set<protobuf.ReflectionObject>()
  for (const [name, methods] of Object.entries(calls)) {
    const service = root.lookupService(`etcdserverpb.${name}`)
    for (const method of service.methodsArray) {
      if (!methods.includes(method.name)) service.remove(method)
      else for (const type of [method.resolvedRequestType, method.resolvedResponseType]) add(type, needed)
    }
    const missing = methods.filter((method) => !(method in service.methods))
    if (missing.length > 0) throw new Error(`etcd3 does not have the calls ${missing.join(', ')} of ${name}`)
    addWithParents(service, needed)
  }
  removeOthers(root, needed)
  return root.toJSON({ keepComments: false })
}

function keepFields(type: protobuf.Type, names: readonly string[]): void {
  const missing = names.filter((name) => !(name in type.fields))
  if (missing.length > 0) throw new Error(`etcd3 does not have the fields ${missing.join(', ')} of ${type.name}`)
  for (const field of type.fieldsArray) if (!names.includes(field.name)) type.remove(field)
}

/** Adds a type, the types of its fields, and the namespaces around them. */
function add(type: protobuf.Type | protobuf.Enum | null, needed: Set<protobuf.ReflectionObject>): void {
  if (type === null || needed.has(type)) return
  addWithParents(type, needed)
  if (type instanceof protobuf.Type) for (const { resolvedType } of type.fieldsArray) add(resolvedType, needed)
}

function addWithParents(object: protobuf.ReflectionObject, needed: Set<protobuf.ReflectionObject>): void {
  for (let each: protobuf.ReflectionObject | null = object; each !== null; each = each.parent) needed.add(each)
}

function removeOthers(namespace: protobuf.NamespaceBase, needed: ReadonlySet<protobuf.ReflectionObject>): void {
  for (const object of namespace.nestedArray.slice()) {
    if (!needed.has(object)) namespace.remove(object)
    else if (object instanceof protobuf.Namespace) removeOthers(object, needed)
  }
}
