/// Name of a worker process' stage, unique over the run: `host/stage/ordinal#pid`.
package typealias WorkerID = String

/// The workers a clip goes through, and the owner number of its group's batch.
package struct Route: Hashable, Sendable {
  package var decode: WorkerID
  package var augment: WorkerID
  package var batch: WorkerID
  /// Raised whenever the group moves to another batch worker; clips for an old owner are dropped.
  package var owner: Int

  /// Whether `worker` makes the clip or its window.
  func passes(_ worker: WorkerID) -> Bool { decode == worker || augment == worker }
}

extension WorkWindow {
  package struct Settings: Sendable {
    /// Leases a decode worker may hold: enough to hide the way there, few enough to share evenly.
    package var leasesPerDecoder = minLeasesPerDecoder
    private static let minLeasesPerDecoder = 4
    private static let maxLeasesPerDecoder = 16
    package var deadlineFloorSeconds = 2.0
    /// A deadline is this multiple of the recent 99th percentile.
    package var deadlineFactor = 4.0
    package var backupShare = 0.1
    package var transientRetries = 3
    /// Slots whose clips come from one window, which one decode worker had best make.
    package var echo = 1
    /// What fails transiently too often takes its next draw instead of ending the run; the result is not reproducible.
    package var substitutesTransients = false
    package init() {}

    /// Where far more clips are in flight than decode workers can hold, each may hold more: leases then travel several at a
    /// time.
    package mutating func lease(clipsInFlight: Int, decoders: Int) {
      let quarter = clipsInFlight / (4 * max(decoders, 1))
      leasesPerDecoder = min(max(quarter, Self.minLeasesPerDecoder), Self.maxLeasesPerDecoder)
    }
  }

  package struct Grant: Sendable, Equatable {
    package var key: ItemKey
    package var route: Route
  }

  package enum Failure: Sendable, Equatable {
    /// A function of the file's bytes: the slot takes its next draw.
    case verdict(reason: String)
    /// Anything else: tried again elsewhere.
    case transient(reason: String)
  }

  package enum FailureOutcome: Sendable, Equatable {
    case ignored
    case substitute(ItemKey)
    case retry
    case givenUp(reason: String)
  }
}
