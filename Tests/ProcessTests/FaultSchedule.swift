import Foundation

/// One fault of a schedule: what, where, when and for how long.
struct Fault: Codable, Equatable {
  enum Kind: String, Codable, CaseIterable {
    case killWorker, stopWorker, killShard, killCoordinator, killNode, linkDown, loss, delay, fullDisk
    /// A shard is stopped, the other killed: the run is rolled back meanwhile, then the first goes on.
    case stopShardAcrossRollBack

    /// Kills or stops some.
    var isOfProcesses: Bool { ![.linkDown, .loss, .delay, .fullDisk].contains(self) }
  }

  var number: Int
  var kind: Kind
  var host: String
  /// Of the worker; nil for other kinds.
  var stage: String?
  /// Which of several, by a number to be taken modulo their count.
  var choice: Int
  /// After the end of the one before.
  var gapSeconds: Double
  /// How long it lasts.
  var seconds: Double
}

/// Faults drawn from a seed. Every kind comes once in ten, in an order of its own.
struct FaultSchedule: Codable, Equatable {
  var seed: UInt64
  var faults: [Fault] = []
  var seconds: Double { faults.reduce(0) { $0 + $1.gapSeconds + $1.seconds } }

  /// - Parameter workers: stages that may be disturbed, by host.
  init(seed: UInt64, count: Int, workers: [String: [String]], coordinator: String) {
    self.seed = seed
    var random = SplitMix(state: seed)
    var kinds: [Fault.Kind] = []
    let hosts = workers.keys.sorted()
    for number in 0..<count {
      if kinds.isEmpty { kinds = Fault.Kind.allCases.shuffled(using: &random) }
      let kind = kinds.removeLast()
      let host = hosts.randomElement(using: &random)!
      let stage = workers[host]!.randomElement(using: &random)!
      let isCoordinators = [.killShard, .killCoordinator, .fullDisk, .stopShardAcrossRollBack].contains(kind)
      let isWorkers = [.killWorker, .stopWorker].contains(kind)
      faults.append(
        Fault(
          number: number, kind: kind, host: isCoordinators ? coordinator : host, stage: isWorkers ? stage : nil,
          choice: Int.random(in: 0..<1000, using: &random),
          gapSeconds: Self.tenths(in: 0...2, &random), seconds: Self.tenths(in: 0.5...5, &random)))
    }
  }

  private static func tenths(in range: ClosedRange<Double>, _ random: inout SplitMix) -> Double {
    (Double.random(in: range, using: &random) * 10).rounded() / 10
  }
}

/// SplitMix64 (Steele, Lea and Flood 2014): a seed gives the same numbers everywhere.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
