/// What has come of the leases of one stage's workers: finds those of which nothing comes while others' work does, such as
/// one that its peers cannot reach. A pure record; time is handed in.
struct Deliveries: Sendable {
  private struct Miss: Sendable {
    var count = 0
    var restsUntil = -Double.infinity
  }

  private var deliveredAt: [WorkerID: Double] = [:]
  private var misses: [WorkerID: Miss] = [:]

  /// Leases in a row that must have expired.
  private static let leastMisses = 4
  /// Deadlines for which a worker rests between two tries, at most.
  private static let longestRest = 16.0

  mutating func delivered(_ worker: WorkerID, now: Double) {
    deliveredAt[worker] = now
    if !misses.isEmpty { misses[worker] = nil }
  }

  func hasDelivered(_ worker: WorkerID, since time: Double) -> Bool { deliveredAt[worker] ?? -.infinity >= time }

  /// A lease has expired. It counts if all that time nothing of this worker's came, and something of another's did.
  /// - Parameter deadlineSeconds: how long a lease has now.
  /// - Returns: whether this is the one by which the worker is found to deliver nothing.
  mutating func missed(_ worker: WorkerID, leasedAt: Double, now: Double, deadlineSeconds: Double) -> Bool {
    guard !hasDelivered(worker, since: leasedAt),
      deliveredAt.contains(where: { $0.key != worker && $0.value >= leasedAt })
    else { return false }
    var miss = misses[worker] ?? Miss()
    miss.count += 1
    if miss.count >= Self.leastMisses {
      let tries = min(miss.count - Self.leastMisses, 8)
      miss.restsUntil = now + deadlineSeconds * min(Double(1 << tries), Self.longestRest)
    }
    misses[worker] = miss
    return miss.count == Self.leastMisses
  }

  mutating func leave(_ worker: WorkerID) {
    deliveredAt[worker] = nil
    misses[worker] = nil
  }

  /// Workers that are to get nothing now: of those that deliver nothing, all that have rested get one lease at a time.
  /// - Parameter loads: what the stage's workers hold.
  func resting(_ loads: WorkerLoads, now: Double) -> Set<WorkerID> {
    guard !misses.isEmpty else { return [] }
    let late = misses.filter { $0.value.count >= Self.leastMisses }
    return Set(late.filter { $0.value.restsUntil > now || loads[$0.key] ?? 0 > 0 }.keys)
  }
}
