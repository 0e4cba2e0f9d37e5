/// Where a run's taps are, as the coordinator's tap says to whoever subscribes to `topic`.
package struct TapDirectory: Sendable, Codable, Equatable {
  package static let topic = "taps"

  package struct Tap: Sendable, Codable, Equatable {
    package var stage: String
    package var worker: WorkerID
    package var tap: Endpoints
  }
  package var run: String
  package var taps: [Tap]
}
