package import Corpus
import Foundation
import ZeroMQ

/// The items of the rounds in flight and of the one after them, looked up on a thread of its own before they are leased: the
/// plan is a pure function. Any thread may ask.
package final class ItemsAhead: @unchecked Sendable {
  // Sendable: the variables are touched with the condition's lock held only.
  private let source: ItemSource
  private let replicas: Int
  private let batch: Int
  private let rounds: Int
  private let stopAt: Int
  private let work = WorkThread(name: "plan-ahead")
  private let condition = NSCondition()
  /// Nil while somebody is at it.
  private var made: [GroupKey: EncodedItems?] = [:]
  private var toMake: ArraySlice<GroupKey> = []
  /// The first step that is not in `toMake` yet.
  private var next = 0

  package init(_ source: ItemSource, settings: RunMachine.Settings) {
    self.source = source
    replicas = settings.replicas
    batch = settings.batch
    rounds = settings.inFlightRounds + 1
    stopAt = settings.finalVersion
  }

  /// The run is at `version`, later or, after a roll-back, earlier than before: the next rounds are looked up, steps before
  /// it are forgotten.
  package func commit(_ version: Int) {
    condition.withLock {
      made = made.filter { $0.key.step >= version }
      let end = min(version + rounds, stopAt)
      if next > end || next < version { (next, toMake) = (version, []) }
      for step in next..<max(next, end) {
        toMake += (0..<replicas).map { GroupKey(kind: .training, step: step, index: $0) }
      }
      next = max(next, end)
    }
    work.submit { self.makeAll() }
  }

  /// The first draws of a training group; looked up here if nobody has begun with it.
  /// - Throws: when the index cannot be read.
  package func items(of group: GroupKey) throws(CorpusError) -> EncodedItems {
    let found = condition.withLock { () -> EncodedItems? in
      while true {
        guard let known = made[group] else {
          made[group] = .some(nil)
          return nil
        }
        if let known { return known }
        condition.wait()
      }
    }
    if let found { return found }
    do {
      let items = try source.encoded(group, batch: batch)
      finish(group, items)
      return items
    } catch {
      finish(group, nil)
      throw error
    }
  }

  package func stop() {
    condition.withLock { toMake = [] }
    work.stop()
  }

  private func makeAll() {
    // Who needs one that cannot be read looks it up again, and says what is wrong.
    while let group = takeNext() { finish(group, try? source.encoded(group, batch: batch)) }
  }

  private func takeNext() -> GroupKey? {
    condition.withLock {
      while let group = toMake.popFirst() {
        guard made[group] == nil else { continue }
        made[group] = .some(nil)
        return group
      }
      return nil
    }
  }

  private func finish(_ group: GroupKey, _ items: EncodedItems?) {
    condition.withLock {
      if let items { made[group] = items } else { made[group] = nil }
      condition.broadcast()
    }
  }
}
