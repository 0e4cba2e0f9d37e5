import Files
import Networks

/// Whether the run's disk has room. A full disk stops nothing for good: what could not be written is tried again every half
/// second, and everything that depends on it waits. Time is handed in.
package struct RoomOnDisk: Sendable {
  private var fullSince: Double?
  private var nextTry = 0.0

  private static let pauseSeconds = 0.5

  package init() {}

  /// Whether it is no use to write now.
  package func isFull(now: Double) -> Bool { fullSince != nil && now < nextTry }

  /// What the caller does with the error of a write.
  package enum Advice: Equatable, Sendable {
    /// It is not for want of room.
    case giveUp
    case wait(isFirst: Bool, seconds: Double)
  }

  package mutating func failed(_ error: any Error, now: Double) -> Advice {
    guard Self.isDiskFull(error) else { return .giveUp }
    let since = fullSince ?? now
    defer { fullSince = since }
    nextTry = now + Self.pauseSeconds
    return .wait(isFirst: fullSince == nil, seconds: now - since)
  }

  /// - Returns: for how many seconds it was full, nil if it was not.
  package mutating func succeeded(now: Double) -> Double? {
    defer { fullSince = nil }
    return fullSince.map { now - $0 }
  }

  static func isDiskFull(_ error: any Error) -> Bool {
    switch error {
    case let error as PipelineError: error.code == .diskFull
    case let error as FileError: error.isDiskFull
    case let error as NetworkError: error.underlying.map(isDiskFull) ?? false
    default: false
    }
  }
}
