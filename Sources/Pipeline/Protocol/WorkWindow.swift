import HeapModule

/// Leases of the clips in flight: a pure state machine, time is handed in (seconds on any monotonic clock).
///
/// A group (the batch of one replica) is opened, its clips are leased to decode, augment and batch workers, fail or are
/// accepted by the batch worker; when all are in, the group is collated. Every clip ends in exactly one slot: at most two
/// leases of an item live at once, those that outlive their deadline are given again, duplicates are dropped by key.
package struct WorkWindow: Sendable {
  struct Lease: Sendable {
    var route: Route
    var grantedAt: Double
    var deadline: Double
    var isBackup: Bool
    var expired = false
    var forgottenAt: Double { 2 * deadline - grantedAt }
  }

  struct Item: Sendable {
    var attempt = 0
    var accepted = false
    var leases: [Lease] = []
    var expiries = 0
    var transients = 0
    var isPending = true
    /// Workers that failed on it for a reason of their own: others try next, if there are any.
    var avoided: Set<WorkerID> = []

    mutating func accept() {
      leases = []
      accepted = true
      isPending = false
    }
  }

  struct Group: Sendable {
    var items: [Item]
    var batch: WorkerID?
    var owner = 0
    var acceptedCount = 0
  }

  let settings: Settings
  var groups: [GroupKey: Group] = [:]
  var pending = Heap<ItemKey>()
  var delayed: [(readyAt: Double, key: ItemKey)] = []
  /// Open groups that are whole, and the number of those that are evaluated: looked at much more often than they change.
  private var collated: Set<GroupKey> = []
  package private(set) var evaluationCount = 0
  /// No lease is late, or so late that it is forgotten, before this.
  private var nextExpiry = Double.infinity
  private var decoders = WorkerLoads()
  private var augmenters = WorkerLoads()
  private var batchers = WorkerLoads()
  /// The clip leased last and its decode worker: the next one may go with it.
  private var last: (key: ItemKey, decode: WorkerID)?
  private var recent = RecentDurations()
  private var nextOwner: Int
  /// Decode workers that have been at one clip for longer than a lease: others make the next ones, if there are any.
  private var hanging: Set<WorkerID> = []
  /// By decode and augment workers.
  private var deliveries = (decode: Deliveries(), augment: Deliveries())
  /// Workers found to deliver nothing since `takeFruitless`.
  private var fruitless: [WorkerID] = []

  package private(set) var expiredCount = 0
  private var liveLeases = 0
  private var liveBackups = 0

  package enum WorkStage: Sendable { case decode, augment, batch }

  /// - Parameter firstOwner: owner numbers start here; the coordinator starts above any earlier incarnation's.
  package init(settings: Settings = Settings(), firstOwner: Int = 1) {
    self.settings = settings
    nextOwner = firstOwner
  }
}

// MARK: - Workers

extension WorkWindow {
  package mutating func join(_ worker: WorkerID, stage: WorkStage) {
    self[keyPath: Self.loads(of: stage)].join(worker)
  }

  /// Takes the worker out: its leases end, and what its batches held is open again.
  /// - Returns: groups that were collated or collating there and start afresh.
  package mutating func leave(_ worker: WorkerID, stage: WorkStage) -> [GroupKey] {
    self[keyPath: Self.loads(of: stage)].leave(worker)
    hanging.remove(worker)
    deliveries.decode.leave(worker)
    deliveries.augment.leave(worker)
    var reopened: [GroupKey] = []
    for key in groups.keys.sorted() {
      if stage == .batch, groups[key]!.batch == worker {
        reopen(key)
        reopened.append(key)
        continue
      }
      for slot in groups[key]!.items.indices {
        endLeases(of: key, slot: slot) { lease in
          stage == .decode ? lease.route.decode == worker : lease.route.augment == worker
        }
        makePendingIfIdle(key, slot: slot)
      }
    }
    return reopened
  }

  package func load(of worker: WorkerID, stage: WorkStage) -> Int? { self[keyPath: Self.loads(of: stage)][worker] }

  private static func loads(of stage: WorkStage) -> WritableKeyPath<WorkWindow, WorkerLoads> {
    switch stage {
    case .decode: \.decoders
    case .augment: \.augmenters
    case .batch: \.batchers
    }
  }

  private mutating func reopen(_ key: GroupKey) {
    for slot in groups[key]!.items.indices {
      endLeases(of: key, slot: slot) { _ in true }
      groups[key]!.items[slot].accepted = false
      makePendingIfIdle(key, slot: slot)
    }
    groups[key]!.batch = nil
    // What the old owner still says it holds went with it.
    groups[key]!.owner = 0
    groups[key]!.acceptedCount = 0
    collated.remove(key)
  }

  private mutating func makePendingIfIdle(_ key: GroupKey, slot: Int) {
    let item = groups[key]!.items[slot]
    guard !item.accepted, !item.isPending, item.leases.allSatisfy(\.expired) else { return }
    groups[key]!.items[slot].isPending = true
    pending.insert(ItemKey(group: key, slot: slot, attempt: item.attempt))
  }

  mutating func endLeases(of key: GroupKey, slot: Int, where ends: (Lease) -> Bool) {
    for lease in groups[key]!.items[slot].leases where ends(lease) && !lease.expired { release(lease) }
    groups[key]!.items[slot].leases.removeAll(where: ends)
  }

  /// The lease takes no room any more.
  private mutating func release(_ lease: Lease) {
    liveLeases -= 1
    if lease.isBackup { liveBackups -= 1 }
    decoders.add(-1, to: lease.route.decode)
    augmenters.add(-1, to: lease.route.augment)
  }
}

// MARK: - Groups

extension WorkWindow {
  /// Opens a group of `slots` clips.
  /// - Parameter attempts: slots whose earlier draws already have a verdict, with the attempt they are at.
  package mutating func open(_ key: GroupKey, slots: Int, attempts: [Int: Int] = [:]) {
    guard groups[key] == nil else { return }
    var items = [Item](repeating: Item(), count: slots)
    for (slot, attempt) in attempts where items.indices.contains(slot) { items[slot].attempt = attempt }
    groups[key] = Group(items: items)
    if key.kind == .evaluation { evaluationCount += 1 }
    for slot in items.indices { pending.insert(ItemKey(group: key, slot: slot, attempt: items[slot].attempt)) }
  }

  /// Forgets a group: committed, evaluated or given up.
  /// - Returns: the batch worker that holds it.
  @discardableResult
  package mutating func close(_ key: GroupKey) -> WorkerID? {
    guard let group = groups[key] else { return nil }
    for slot in group.items.indices { endLeases(of: key, slot: slot) { _ in true } }
    if let batch = group.batch { batchers.add(-1, to: batch) }
    groups[key] = nil
    collated.remove(key)
    if key.kind == .evaluation { evaluationCount -= 1 }
    return group.batch
  }

  package var openGroups: [GroupKey] { groups.keys.sorted() }

  package func isCollated(_ key: GroupKey) -> Bool { collated.contains(key) }

  package func batchWorker(of key: GroupKey) -> WorkerID? { groups[key]?.batch }
  package func owner(of key: GroupKey) -> Int? { groups[key]?.owner }
  package func attempts(of key: GroupKey) -> [Int]? { groups[key]?.items.map(\.attempt) }

  /// Leases that are out and not past their deadline.
  package var leasedCount: Int { liveLeases }

  /// Those of them that are for clips leased before.
  package var backupCount: Int { liveBackups }

  /// Leases of a clip whose result would still be taken: at most two.
  package func leaseCount(of key: GroupKey, slot: Int) -> Int {
    guard let items = groups[key]?.items, items.indices.contains(slot) else { return 0 }
    return items[slot].leases.count
  }

  /// Owner numbers from now on are at least `owner`: above those of any earlier incarnation, whose clips may still come.
  package mutating func raiseOwners(to owner: Int) { nextOwner = max(nextOwner, owner) }
}

// MARK: - Leases

extension WorkWindow {
  /// Leases all that there is room for, earliest step first.
  package mutating func grant(now: Double) -> [Grant] {
    for entry in delayed where entry.readyAt <= now { pending.insert(entry.key) }
    delayed.removeAll { $0.readyAt <= now }
    var grants: [Grant] = []
    var postponed: [ItemKey] = []
    while let key = pending.min {
      guard let item = currentItem(key), item.isPending, !item.accepted else {
        _ = pending.popMin()
        continue
      }
      guard let route = route(for: key, now: now) else {
        // Others may have room where this one does not want to go again.
        guard !item.avoided.isEmpty else { break }
        _ = pending.popMin()
        postponed.append(key)
        continue
      }
      _ = pending.popMin()
      let isBackup = !item.leases.isEmpty
      if isBackup, liveBackups >= max(1, Int(settings.backupShare * Double(liveLeases))) {
        postponed.append(key)
        continue
      }
      grants.append(lease(key, over: route, isBackup: isBackup, now: now))
    }
    for key in postponed { pending.insert(key) }
    return grants
  }

  private mutating func lease(_ key: ItemKey, over route: Route, isBackup: Bool, now: Double) -> Grant {
    let place = groups.index(forKey: key.group)!
    if groups.values[place].batch == nil {
      groups.values[place].batch = route.batch
      groups.values[place].owner = route.owner
      nextOwner = route.owner + 1
      batchers.add(1, to: route.batch)
    }
    let item = groups.values[place].items[key.slot]
    if item.leases.count >= 2 {
      let oldest = item.leases.map(\.grantedAt).min()
      endLeases(of: key.group, slot: key.slot) { $0.grantedAt == oldest }
    }
    let seconds = deadlineSeconds * Double(1 << min(item.expiries, 6))
    groups.values[place].items[key.slot].leases.append(
      Lease(route: route, grantedAt: now, deadline: now + seconds, isBackup: isBackup))
    groups.values[place].items[key.slot].isPending = false
    nextExpiry = min(nextExpiry, now + seconds)
    decoders.add(1, to: route.decode)
    augmenters.add(1, to: route.augment)
    last = (key, route.decode)
    liveLeases += 1
    if isBackup { liveBackups += 1 }
    return Grant(key: key, route: route)
  }

  /// A route with room, by least load; another decode worker than the one that is already late, if there is one, and
  /// never one that failed on the clip while there are others.
  private func route(for key: ItemKey, now: Double) -> Route? {
    let group = groups[key.group]!
    let item = group.items[key.slot]
    let late = Set(item.leases.lazy.map(\.route.decode))
    let idle = Self.union(hanging, deliveries.decode.resting(decoders, now: now))
    guard
      let decode = holder(ofWindowOf: key, group.items) ?? holder(ofRunBefore: key, item, idle)
        ?? decoders.least(late: late, avoided: Self.union(item.avoided, idle), below: settings.leasesPerDecoder),
      let augment = augmenters.least(
        avoided: Self.union(item.avoided, deliveries.augment.resting(augmenters, now: now))),
      let batch = group.batch ?? batchers.least()
    else { return nil }
    return Route(
      decode: decode, augment: augment, batch: batch, owner: group.batch == nil ? nextOwner : group.owner)
  }

  /// The decode worker that was just given another clip of the same window, or of the same evaluated video, even if it
  /// has all the leases it may have.
  private func holder(ofWindowOf key: ItemKey, _ items: [Item]) -> WorkerID? {
    let together = key.group.kind == .evaluation ? items.count : settings.echo
    guard key.slot % together > 0, items[key.slot].leases.isEmpty, items[key.slot].avoided.isEmpty,
      items[key.slot - 1].attempt == key.attempt, let lease = items[key.slot - 1].leases.last, !lease.expired
    else { return nil }
    return lease.route.decode
  }

  /// The decode worker that was just given the clip before, as long as it has room: leases go out some at a time where a
  /// worker may have many.
  private func holder(ofRunBefore key: ItemKey, _ item: Item, _ idle: Set<WorkerID>) -> WorkerID? {
    let length = settings.leasesPerDecoder / Self.runsPerDecoder
    guard length > 1, key.slot % length > 0, let last, last.key.group == key.group, last.key.slot == key.slot - 1,
      item.leases.isEmpty, item.avoided.isEmpty, !idle.contains(last.decode),
      let load = decoders[last.decode], load < settings.leasesPerDecoder
    else { return nil }
    return last.decode
  }

  private static let runsPerDecoder = 4

  /// Hardly ever is there anybody in either, and this is asked for every clip.
  private static func union(_ left: Set<WorkerID>, _ right: Set<WorkerID>) -> Set<WorkerID> {
    right.isEmpty ? left : left.isEmpty ? right : left.union(right)
  }

  func currentItem(_ key: ItemKey) -> Item? {
    guard let group = groups[key.group], group.items.indices.contains(key.slot) else { return nil }
    let item = group.items[key.slot]
    return item.attempt == key.attempt ? item : nil
  }

  /// Marks leases past their deadline as expired and opens their items again. A lease twice as late is taken for lost:
  /// its item's next one is no backup, or one item after the other would wait for the few backups there are.
  package mutating func expire(now: Double) {
    guard now >= nextExpiry else { return }
    nextExpiry = .infinity
    for key in groups.keys.sorted() {
      for slot in groups[key]!.items.indices {
        var late = 0
        for index in groups[key]!.items[slot].leases.indices
        where !groups[key]!.items[slot].leases[index].expired
          && groups[key]!.items[slot].leases[index].deadline <= now
        {
          // It may have been lost on the way: were it to keep its room, enough losses would leave none for anybody.
          let lease = groups[key]!.items[slot].leases[index]
          release(lease)
          missed(lease, now: now)
          groups[key]!.items[slot].leases[index].expired = true
          late += 1
        }
        groups[key]!.items[slot].leases.removeAll { $0.expired && $0.forgottenAt <= now }
        for lease in groups[key]!.items[slot].leases {
          nextExpiry = min(nextExpiry, lease.expired ? lease.forgottenAt : lease.deadline)
        }
        guard late > 0 else { continue }
        expiredCount += late
        groups[key]!.items[slot].expiries += 1
        makePendingIfIdle(key, slot: slot)
      }
    }
  }

  /// The batch worker holds the clip.
  /// - Returns: whether the group is whole by this.
  package mutating func accept(_ key: ItemKey, owner: Int, now: Double) -> Bool {
    guard let place = groups.index(forKey: key.group), groups.values[place].owner == owner,
      groups.values[place].items.indices.contains(key.slot)
    else { return false }
    let item = groups.values[place].items[key.slot]
    guard item.attempt == key.attempt, !item.accepted else { return false }
    if let lease = item.leases.last { recent.record(now - lease.grantedAt) }
    // An expired one's may come, too; which it was is not said.
    if let lease = item.leases.first(where: { !$0.expired }) ?? item.leases.last {
      deliveries.decode.delivered(lease.route.decode, now: now)
      deliveries.augment.delivered(lease.route.augment, now: now)
    }
    for lease in item.leases where !lease.expired { release(lease) }
    groups.values[place].items[key.slot].accept()
    groups.values[place].acceptedCount += 1
    guard groups.values[place].acceptedCount == groups.values[place].items.count else { return false }
    collated.insert(key.group)
    return true
  }

  private mutating func missed(_ lease: Lease, now: Double) {
    let (route, leasedAt, seconds) = (lease.route, lease.grantedAt, deadlineSeconds)
    if deliveries.decode.missed(route.decode, leasedAt: leasedAt, now: now, deadlineSeconds: seconds) {
      fruitless.append(route.decode)
    }
    // Of two that are always together the decode worker is tried without the other first.
    if deliveries.decode.hasDelivered(route.decode, since: leasedAt),
      deliveries.augment.missed(route.augment, leasedAt: leasedAt, now: now, deadlineSeconds: seconds)
    {
      fruitless.append(route.augment)
    }
  }

  /// Decode and augment workers that were found, since the last call, to hold leases of which nothing comes while others'
  /// clips do. They are tried again with one lease, ever less often, until something comes.
  mutating func takeFruitless() -> [WorkerID] {
    defer { fruitless = [] }
    return fruitless
  }

  package mutating func isAtOneClip(_ worker: WorkerID, seconds: Double) {
    if seconds > deadlineSeconds { hanging.insert(worker) } else { hanging.remove(worker) }
  }

  private var deadlineSeconds: Double {
    guard let p99 = recent.p99 else { return settings.deadlineFloorSeconds * 15 }
    return max(settings.deadlineFloorSeconds, settings.deadlineFactor * p99)
  }
}
