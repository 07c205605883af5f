/**
 * Whether `node --permission` forbids reading a path. Check this before a promise of `node:fs` is made for it: in Node
 * 22.12, such a promise rejects a second time where nothing can handle it, which ends the process.
 */
export function isForbidden(path: string): boolean {
  // The types of Node do not say that it exists only with the flag.
  const { permission }: { readonly permission?: typeof process.permission } = process
  return permission !== undefined && !permission.has('fs.read', path)
}
