/// The workers of one stage and what each of them holds.
package struct WorkerLoads: Sendable {
  /// In ascending order, so that the first of the least loaded ones is found by numbers alone.
  private var names: [WorkerID] = []
  private var loads: [Int] = []
  private var places: [WorkerID: Int] = [:]

  package init() {}

  package subscript(worker: WorkerID) -> Int? { places[worker].map { loads[$0] } }

  /// Does nothing for one that is there.
  package mutating func join(_ worker: WorkerID) {
    guard places[worker] == nil else { return }
    let place = names.firstIndex { worker < $0 } ?? names.count
    names.insert(worker, at: place)
    loads.insert(0, at: place)
    number()
  }

  package mutating func leave(_ worker: WorkerID) {
    guard let place = places[worker] else { return }
    names.remove(at: place)
    loads.remove(at: place)
    number()
  }

  private mutating func number() {
    places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
  }

  /// - Parameter worker: one that has left is passed over.
  package mutating func add(_ count: Int, to worker: WorkerID) {
    if let place = places[worker] { loads[place] += count }
  }

  /// The worker that holds the least, by name among equals; nil if none holds less than `limit`.
  ///
  /// - Parameters:
  ///   - late: come last.
  ///   - avoided: are taken only if there are no others at all.
  package func least(late: Set<WorkerID> = [], avoided: Set<WorkerID> = [], below limit: Int = .max) -> WorkerID? {
    let areAllAvoided = !avoided.isEmpty && names.allSatisfy(avoided.contains)
    var best: (isLate: Bool, load: Int, place: Int)?
    for (place, load) in loads.enumerated() where load < limit {
      if let best, !best.isLate, best.load <= load { continue }
      if !avoided.isEmpty, !areAllAvoided, avoided.contains(names[place]) { continue }
      let isLate = !late.isEmpty && late.contains(names[place])
      if let best, (best.isLate ? 1 : 0, best.load) <= (isLate ? 1 : 0, load) { continue }
      best = (isLate, load, place)
    }
    return best.map { names[$0.place] }
  }
}
