/** The hooks of rolldown that are used. A test calls them. */
interface Hooks {
  readonly name: string
  transform(code: string, id: string): string | null
  buildEnd(): void
}

/** What proto-loader 0.8 does for reflection, and what takes its place. */
const replacements: readonly (readonly [original: string, replacement: string])[] = [
  ['const descriptor = require("protobufjs/ext/descriptor");', ''],
  ["const descriptorList = root.toDescriptor('proto3').file;", ''],
  ['descriptorList.map(value => Buffer.from(descriptor.FileDescriptorProto.encode(value).finish()))', '[]'],
  ["const messageDescriptor = message.toDescriptor('proto3');", ''],
  ['messageDescriptor.$type.toObject(messageDescriptor, descriptorOptions)', '{}'],
  ["const enumDescriptor = enumType.toDescriptor('proto3');", ''],
  ['enumDescriptor.$type.toObject(enumDescriptor, descriptorOptions)', '{}'],
]

/**
 * Returns a rolldown plugin that leaves out the descriptors that proto-loader adds to each type for servers with
 * reflection. No client reads them, and they are half of the time that etcd3 takes to load.
 *
 * The build fails if one of the places is not found exactly once.
 */
export function withoutReflection(): Hooks {
  const unseen = new Set(replacements.map(([original]) => original))
  return {
    name: 'without-reflection',
    transform(code, id) {
      if (!/[\\/]@grpc[\\/]proto-loader[\\/]build[\\/]src[\\/]index\.js$/.test(id)) return null
      let result = code
      for (const [original, replacement] of replacements) {
        const parts = result.split(original)
        if (parts.length === 2) unseen.delete(original)
        result = parts.join(replacement)
      }
      return result
    },
    buildEnd() {
      if (unseen.size > 0) throw new Error(`proto-loader does not have once: ${[...unseen].join(', ')}`)
    },
  }
}
