import HeapModule

/// What workers could not make.
extension WorkWindow {
  /// Opens the slot's next draw in place of `key`.
  private mutating func substitute(_ key: ItemKey) -> ItemKey {
    endLeases(of: key.group, slot: key.slot) { _ in true }
    var fresh = Item()
    fresh.attempt = key.attempt + 1
    groups[key.group]!.items[key.slot] = fresh
    let next = ItemKey(group: key.group, slot: key.slot, attempt: fresh.attempt)
    pending.insert(next)
    return next
  }

  /// A worker could not make the clip.
  /// - Parameter worker: the worker that says so, decode or augment; its lease must be one of the item's. Nil: it died
  ///   of the clip, however long ago it was leased to it.
  package mutating func fail(
    _ key: ItemKey, worker: WorkerID?, _ failure: Failure, now: Double
  ) -> FailureOutcome {
    guard let item = currentItem(key), !item.accepted else { return .ignored }
    if let worker, !item.leases.contains(where: { $0.route.passes(worker) }) { return .ignored }
    switch failure {
    case .verdict:
      return .substitute(substitute(key))
    case .transient(let reason):
      if let worker {
        endLeases(of: key.group, slot: key.slot) { $0.route.passes(worker) }
        groups[key.group]!.items[key.slot].avoided.insert(worker)
      }
      groups[key.group]!.items[key.slot].transients += 1
      let count = groups[key.group]!.items[key.slot].transients
      if count > settings.transientRetries {
        return settings.substitutesTransients ? .substitute(substitute(key)) : .givenUp(reason: reason)
      }
      guard !groups[key.group]!.items[key.slot].isPending else { return .retry }
      groups[key.group]!.items[key.slot].isPending = true
      delayed.append((readyAt: now + 0.1 * Double(1 << min(count, 6)), key: key))
      return .retry
    }
  }
}
