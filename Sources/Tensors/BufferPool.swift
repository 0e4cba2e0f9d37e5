/// Buffers that are used again once nobody else holds them: no memory is mapped anew for each step.
package struct BufferPool: Sendable {
  private var buffers: [AlignedBuffer] = []

  package init() {}

  /// A buffer of that size with any contents. The pool keeps it, too, and gives it out again when the pool alone holds it.
  package mutating func take(byteCount: Int) -> AlignedBuffer {
    for index in buffers.indices where buffers[index].byteCount == byteCount {
      if isKnownUniquelyReferenced(&buffers[index]) { return buffers[index] }
    }
    let buffer = AlignedBuffer(byteCount: byteCount)
    buffers.append(buffer)
    return buffer
  }

  /// Lets go of the buffers that nobody else holds.
  package mutating func removeUnused() {
    for index in buffers.indices.reversed() where isKnownUniquelyReferenced(&buffers[index]) {
      buffers.remove(at: index)
    }
  }
}
