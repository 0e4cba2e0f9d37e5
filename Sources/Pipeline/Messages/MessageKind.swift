package import Wire

/// What a message is, in its envelope. Numbers are part of the wire format: never reused.
package enum MessageKind: UInt16, Sendable {
  // Worker to coordinator.
  case hello = 1
  case heartbeat = 2
  case leaving = 3
  case accepted = 4
  case failed = 5
  case trained = 6
  case applied = 7
  case checkpointed = 8
  case loaded = 9
  case evaluated = 10
  case workerExited = 11
  case gradientSquares = 12
  // Coordinator to worker.
  case welcome = 32
  case refused = 33
  case introduce = 34
  case peers = 35
  case lease = 36
  case train = 37
  case evaluate = 38
  case commit = 39
  case load = 40
  case drop = 41
  case dismissed = 42
  case scaleTo = 43
  case clipScale = 44
  case alive = 45
  // Clients of the coordinator.
  case request = 64
  case reply = 65
  // Data, from peer to peer.
  case window = 96
  case clip = 97
  case fetchBatch = 98
  case batch = 99
  case fetchParameters = 100
  case parameters = 101
  case contribution = 102
  case contributionTaken = 103
}

/// The run and the incarnation a message belongs to.
package struct RunStamp: Sendable, Equatable, Codable {
  package var run: UInt64
  package var incarnation: UInt64

  package init(run: UInt64 = 0, incarnation: UInt64 = 0) {
    self.run = run
    self.incarnation = incarnation
  }
}

extension Envelope {
  init(_ kind: MessageKind, stamp: RunStamp, body: [UInt8]) {
    self.init(kind: kind.rawValue, run: stamp.run, incarnation: stamp.incarnation, body: body)
  }

  package var messageKind: MessageKind? { MessageKind(rawValue: kind) }
  package var stamp: RunStamp { RunStamp(run: run, incarnation: incarnation) }
}
