// As much of protobuf as the requests and responses of etcd need.

/** Encodes fields, each given as a field number and a number, a text or bytes. */
export function encode(...fields) {
  return Buffer.concat(
    fields.flatMap(([field, value]) => {
      if (typeof value === 'number') return [varint(field << 3), varint(value)]
      const bytes = Buffer.from(value)
      return [varint((field << 3) | 2), varint(bytes.length), bytes]
    }),
  )
}

function varint(value) {
  const bytes = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return Buffer.from([...bytes, value])
}

/**
 * Returns an array of values for each field number: numbers as numbers, everything else as bytes. Numbers above 2^53, such
 * as the IDs of etcd members, lose digits.
 */
export function decode(bytes) {
  const fields = {}
  let at = 0
  const number = () => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = number()
    const value = number()
    if (tag % 8 === 0) (fields[tag >> 3] ??= []).push(value)
    else (fields[tag >> 3] ??= []).push(bytes.subarray(at, (at += value)))
  }
  return fields
}
