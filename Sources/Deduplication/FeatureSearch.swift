internal import Synchronization
internal import Tensors

/// Finds the nearest row among targets' features for each of other rows, by products of matrices: every row is compared with every
/// other.
struct FeatureSearch {
  struct Nearest: Sendable {
    /// Number of the target's file, and the row in it.
    let target: Int
    let place: Int
    let cosine: Float
  }

  /// Rows of one product.
  private static let block = 256
  private static let targetBlock = 1024

  private let targets: [FeatureFile]
  private let workers: WorkerPool

  /// - Parameter targets: of one number of dimensions.
  init(_ targets: [FeatureFile], workers: Int) {
    self.targets = targets
    self.workers = WorkerPool(threads: workers)
  }

  /// - Parameter progress: rows done; called from the threads, one at a time, with rising numbers.
  /// - Returns: of equally near ones the first, for each row, whatever the number of threads.
  func nearest(_ features: FeatureFile, progress: @escaping @Sendable (Int) -> Void) -> [Nearest] {
    let none = Nearest(target: 0, place: 0, cosine: -.infinity)
    let state = Mutex((done: 0, nearest: [Nearest](repeating: none, count: features.count)))
    let scratch = (0..<workers.workerCount).map { _ in
      AlignedBuffer(byteCount: MemoryLayout<Float>.size * Self.block * Self.targetBlock)
    }
    workers.run((features.count + Self.block - 1) / Self.block) { block, worker in
      let places = block * Self.block..<min((block + 1) * Self.block, features.count)
      let found = nearest(places, of: features, scratch: scratch[worker])
      state.withLock { state in
        state.nearest.replaceSubrange(places, with: found)
        state.done += places.count
        progress(state.done)
      }
    }
    return state.withLock { $0.nearest }
  }

  private func nearest(_ places: Range<Int>, of features: FeatureFile, scratch: AlignedBuffer) -> [Nearest] {
    var nearest = [Nearest](repeating: Nearest(target: 0, place: 0, cosine: -.infinity), count: places.count)
    let cosines = scratch.elements(Float.self)
    for (number, target) in targets.enumerated() {
      for first in stride(from: 0, to: target.count, by: Self.targetBlock) {
        let others = first..<min(first + Self.targetBlock, target.count)
        features.cosines(places, with: target, others, into: cosines.baseAddress!)
        for place in 0..<places.count {
          let row = UnsafeBufferPointer(rebasing: cosines[place * others.count..<(place + 1) * others.count])
          for (column, cosine) in row.enumerated() where cosine > nearest[place].cosine {
            nearest[place] = Nearest(target: number, place: first + column, cosine: cosine)
          }
        }
      }
    }
    return nearest
  }
}
