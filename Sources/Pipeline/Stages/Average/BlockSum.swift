package import Tensors
package import ZeroMQ

/// Elements of a block in somebody's memory, which is kept: a buffer's, or a message's as it came.
package struct BlockValues: @unchecked Sendable {
  // Sendable: the memory is published; nobody writes to it.
  package let elements: UnsafeBufferPointer<Float>
  private let owner: AnyObject

  package init(_ buffer: AlignedBuffer) {
    self.init(elements: UnsafeBufferPointer(buffer.elements(Float.self)), owner: buffer)
  }

  /// - Parameter part: float32, a multiple of 4 bytes. A short one, which may lie anywhere in libzmq's memory, is copied.
  package init(_ part: MessagePart) {
    let bytes = part.withUnsafeBytes { $0 }
    guard Int(bitPattern: bytes.baseAddress) % MemoryLayout<Float>.alignment == 0 else {
      let buffer = AlignedBuffer(byteCount: bytes.count)
      buffer.bytes.copyMemory(from: bytes)
      self.init(buffer)
      return
    }
    self.init(elements: bytes.bindMemory(to: Float.self), owner: part)
  }

  private init(elements: UnsafeBufferPointer<Float>, owner: AnyObject) {
    self.elements = elements
    self.owner = owner
  }
}

/// A node's sum for one block. The last addition waits until somebody needs its result: the root's is made together with
/// the update, in one pass over the memory.
package enum BlockSum: Sendable {
  case values(BlockValues)
  /// left + right
  case sum(BlockValues, BlockValues)

  /// Elements that are added up and worked on while they are in the nearest cache.
  private static let pieceElements = 4096

  /// left + right.
  static func add(_ left: BlockSum, _ right: BlockSum, pool: inout BufferPool) -> BlockSum {
    .sum(left.made(pool: &pool), right.made(pool: &pool))
  }

  /// With all additions made.
  func made(pool: inout BufferPool) -> BlockValues {
    guard case .sum(let left, _) = self else {
      guard case .values(let values) = self else { preconditionFailure("there are two cases") }
      return values
    }
    let buffer = pool.take(byteCount: left.elements.count * 4)
    let to = buffer.elements(Float.self).baseAddress!
    forEachPiece { start, values in (to + start).update(from: values.baseAddress!, count: values.count) }
    return BlockValues(buffer)
  }

  /// Gives the elements piece by piece, in order.
  /// - Parameter body: the index of the first, and the piece, valid inside of `body` only.
  func forEachPiece(_ body: (_ start: Int, UnsafeBufferPointer<Float>) -> Void) {
    switch self {
    case .values(let values):
      for start in stride(from: 0, to: values.elements.count, by: Self.pieceElements) {
        body(start, values.piece(from: start, count: Self.pieceElements))
      }
    case .sum(let left, let right):
      withUnsafeTemporaryAllocation(byteCount: Self.pieceElements * 4, alignment: 64) { bytes in
        let scratch = bytes.bindMemory(to: Float.self).baseAddress!
        for start in stride(from: 0, to: left.elements.count, by: Self.pieceElements) {
          let (from, other) = (
            left.piece(from: start, count: Self.pieceElements), right.piece(from: start, count: Self.pieceElements)
          )
          scratch.update(from: from.baseAddress!, count: from.count)
          Float.add(scratch, other.baseAddress!, from.count)
          body(start, UnsafeBufferPointer(start: scratch, count: from.count))
        }
        withExtendedLifetime((left, right)) {}
      }
    }
  }
}

extension BlockValues {
  fileprivate func piece(from start: Int, count: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(rebasing: elements[start..<min(start + count, elements.count)])
  }
}
