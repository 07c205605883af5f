/** What a value of the key means: a list, no list yet, or an invalid value. */
export type ValueKind = 'list' | 'not-set' | 'invalid-value'

/** A value of the key and its meaning. */
export interface KeyValue {
  readonly text: string
  readonly kind: ValueKind
  /** Sorted and without duplicates. */
  readonly addresses: readonly string[]
}

/** The value of a key that does not exist. */
export const absent: KeyValue = { text: '', kind: 'not-set', addresses: [] }
