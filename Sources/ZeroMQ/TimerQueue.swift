/// Names a timer of a `SocketThread`.
package struct TimerToken: Hashable, Sendable {
  let number: UInt64
}

/// Pending timers, the earliest first; those due at the same instant in the order of their making.
package struct TimerQueue {
  private struct Entry {
    let deadline: UInt64
    let number: UInt64

    static func < (a: Entry, b: Entry) -> Bool {
      a.deadline != b.deadline ? a.deadline < b.deadline : a.number < b.number
    }
  }

  /// A binary heap, the earliest at 0. Entries without a body were cancelled.
  private var heap: [Entry] = []
  private var bodies: [UInt64: () -> Void] = [:]
  private var lastNumber: UInt64 = 0

  package init() {}

  package var count: Int { bodies.count }

  /// - Parameter deadline: nanoseconds of the caller's clock.
  package mutating func insert(deadline: UInt64, _ body: @escaping () -> Void) -> TimerToken {
    lastNumber += 1
    bodies[lastNumber] = body
    heap.append(Entry(deadline: deadline, number: lastNumber))
    siftUp(heap.count - 1)
    return TimerToken(number: lastNumber)
  }

  /// Returns what the timer would have run, for the caller to free; `nil` when it has fired or was cancelled.
  package mutating func cancel(_ token: TimerToken) -> (() -> Void)? {
    guard let body = bodies.removeValue(forKey: token.number) else { return nil }
    // Cancelled entries must not pile up behind a timer that is far away.
    if heap.count > 2 * bodies.count + 64 {
      heap.removeAll { bodies[$0.number] == nil }
      heap.sort(by: <)
    }
    return body
  }

  /// The deadline of the next timer.
  package mutating func nextDeadline() -> UInt64? {
    while let first = heap.first {
      if bodies[first.number] != nil { return first.deadline }
      removeFirst()
    }
    return nil
  }

  /// Removes and returns the next timer that is due at `now`.
  package mutating func popDue(at now: UInt64) -> (() -> Void)? {
    guard let deadline = nextDeadline(), deadline <= now else { return nil }
    return bodies.removeValue(forKey: removeFirst().number)
  }

  @discardableResult
  private mutating func removeFirst() -> Entry {
    let first = heap[0]
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      siftDown(0)
    }
    return first
  }

  private mutating func siftUp(_ start: Int) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child] < heap[parent] else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var parent = start
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child] < heap[least] {
        least = child
      }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
