internal import Foundation
internal import Synchronization

/// Does work on threads of its own and hands the results on in the order of the work.
///
/// Only so many pieces are under way, so memory is bounded by their size.
package final class OrderedCrew<Work: Sendable, Output: Sendable>: Sendable {
  /// A piece of work and what became of it.
  private final class Piece: Sendable {
    let work: Work
    let output = Mutex<Output?>(nil)
    let isDone = DispatchSemaphore(value: 0)

    init(_ work: Work) { self.work = work }
  }

  private struct State {
    var waiting: [Piece] = []
    var isOver = false
  }

  private let workers: Int
  private let state = Mutex(State())
  private let isReady = DispatchSemaphore(value: 0)
  private let ended = DispatchGroup()

  /// Starts the threads.
  ///
  /// - Parameters:
  ///   - workers: threads, at least 1.
  ///   - worker: makes the function of one thread, which keeps what it needs from piece to piece.
  private init(workers: Int, worker: @escaping @Sendable () -> (Work) -> Output) {
    self.workers = workers
    for number in 0..<workers {
      ended.enter()
      let thread = Thread { [self] in
        let body = worker()
        while let piece = take() {
          let output = body(piece.work)
          piece.output.withLock { $0 = output }
          piece.isDone.signal()
        }
        ended.leave()
      }
      thread.name = "crew-\(number)"
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  /// - Parameters:
  ///   - ahead: pieces under way for each thread: one that takes long keeps the others' results waiting.
  ///   - next: the next piece, nil at the end; called on this thread.
  ///   - consume: gets the results in order, on this thread.
  package static func run(
    workers: Int, ahead: Int = 2, next: () throws -> Work?, worker: @escaping @Sendable () -> (Work) -> Output,
    consume: (Output) throws -> Void
  ) throws {
    let crew = OrderedCrew(workers: workers, worker: worker)
    defer { crew.end() }
    var pending: [Piece] = []
    var isEnded = false
    while true {
      while !isEnded, pending.count < ahead * workers {
        if let work = try next() { pending.append(crew.add(work)) } else { isEnded = true }
      }
      guard !pending.isEmpty else { return }
      let first = pending.removeFirst()
      first.isDone.wait()
      try consume(first.output.withLock { $0.take()! })
    }
  }

  private func add(_ work: Work) -> Piece {
    let piece = Piece(work)
    state.withLock { $0.waiting.append(piece) }
    isReady.signal()
    return piece
  }

  /// The next piece; nil when there will be none.
  private func take() -> Piece? {
    isReady.wait()
    return state.withLock { $0.isOver || $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
  }

  private func end() {
    state.withLock { $0.isOver = true }
    for _ in 0..<workers { isReady.signal() }
    ended.wait()
  }
}
