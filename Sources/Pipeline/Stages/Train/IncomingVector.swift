package import Tensors
import ZeroMQ

/// A version's flat vector as its blocks come from the shards: who trains reads the first layers while others are on their
/// way.
package final class IncomingVector: @unchecked Sendable {
  // Sendable: a block's elements are written before it counts as here and read after that, by way of the monitor.
  private struct State {
    var blocksLeft: Set<Int>
    var isAbandoned = false
  }

  /// float32, the map's elements.
  package let buffer: AlignedBuffer
  private let map: BlockMap
  private let monitor: Monitor<State>

  package init(map: BlockMap, buffer: AlignedBuffer) {
    self.map = map
    self.buffer = buffer
    monitor = Monitor(State(blocksLeft: Set(0..<map.blockCount)))
  }

  /// Blocks that have not come.
  package var blocksLeft: Set<Int> { monitor.withLock { $0.blocksLeft } }

  package var isWhole: Bool { blocksLeft.isEmpty }

  /// Whether the block that is read first is here.
  package var canBegin: Bool { !blocksLeft.contains(0) }

  /// The block's elements are written.
  package func arrived(_ block: Int) {
    monitor.withLock { _ = $0.blocksLeft.remove(block) }
    monitor.wakeAll()
  }

  /// Nothing more will come; who waits goes on with whatever is there, and nobody takes what comes of it.
  package func abandon() {
    monitor.withLock { $0.isAbandoned = true }
    monitor.wakeAll()
  }

  /// Waits until all elements before this one are here.
  package func wait(upTo element: Int) {
    monitor.wait { state in
      let isMissing = state.blocksLeft.contains { map.range(of: $0).lowerBound < element }
      return isMissing && !state.isAbandoned ? nil : ()
    }
  }
}
