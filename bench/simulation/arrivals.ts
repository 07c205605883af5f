/** The times at which nodes arrive, the earliest first: a binary heap. */
export class Arrivals {
  readonly #times: number[] = []
  readonly #nodes: number[] = []

  add(time: number, node: number): void {
    let index = this.#times.length
    for (let parent; index > 0 && this.#times[(parent = (index - 1) >> 1)]! > time; index = parent) {
      this.#move(parent, index)
    }
    this.#set(index, time, node)
  }

  /** Removes and returns the earliest arrival as `[time, node]`, or returns `undefined` if there is none. */
  next(): readonly [time: number, node: number] | undefined {
    const [time, node] = [this.#times[0], this.#nodes[0]]
    if (time === undefined || node === undefined) return undefined
    const [lastTime, lastNode] = [this.#times.pop()!, this.#nodes.pop()!]
    if (this.#times.length > 0) this.#sink(lastTime, lastNode)
    return [time, node]
  }

  /** Fills the gap at the root with this arrival. */
  #sink(time: number, node: number): void {
    const size = this.#times.length
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= size) break
      if (child + 1 < size && this.#times[child + 1]! < this.#times[child]!) child++
      if (this.#times[child]! >= time) break
      this.#move(child, index)
      index = child
    }
    this.#set(index, time, node)
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#times[from]!, this.#nodes[from]!)
  }

  #set(index: number, time: number, node: number): void {
    this.#times[index] = time
    this.#nodes[index] = node
  }
}
