extension WorkWindow {
  package struct Settings: Sendable {
    /// Leases a decode worker may hold: enough to hide the way there, few enough to share evenly.
    package var leasesPerDecoder = 4
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
