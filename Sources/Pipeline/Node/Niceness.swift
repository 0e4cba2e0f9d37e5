import Foundation
import Glibc

/// How far a worker steps back for others of its machine when all want the cores.
///
/// Threads of a train worker wait for each other at every layer; one that stands in line behind a decoder holds all up. Decoders
/// have their turn when training waits for them.
package enum Niceness {
  /// Of stages before training, where the host also trains.
  static let ofPreparation = 10

  /// Adds to the niceness of every thread of this process, and of those that these start; dispatch chooses for its own.
  package static func add(_ increment: Int) {
    let current = getpriority(.init(PRIO_PROCESS.rawValue), 0)
    for thread in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? [] {
      guard let id = id_t(thread) else { continue }
      _ = setpriority(.init(PRIO_PROCESS.rawValue), id, current + Int32(increment))
    }
  }
}
