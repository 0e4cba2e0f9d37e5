import Networks

/// A worker's word in `bench average`: it holds a version. In place of a training report.
struct BenchmarkRound: ControlMessage {
  static let kind = MessageKind.trained
  var version: Int
  var worker: Int
  /// Of the last version's elements.
  var digest: UInt64?
  /// Where the worker trains: seconds of the step that led here, and of one without averaging after it.
  var seconds: Double?
  var secondsAlone: Double?
}

/// What the workers of `bench average` train, where they do.
package struct BenchmarkNetwork: Codable, Sendable {
  package var name: String
  package var batch: Int
  package var frames: Int
  package var threads: Int

  package init(name: String, batch: Int, frames: Int, threads: Int) {
    self.name = name
    self.batch = batch
    self.frames = frames
    self.threads = threads
  }

  /// Elements of its flat vector.
  package func elements() throws -> Int {
    try ParameterLayout(NetworkDefinition(name: name, classes: Self.classes)).count
  }

  static let classes = 400
}
