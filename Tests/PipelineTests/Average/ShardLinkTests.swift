import Foundation
import Pipeline
import Tensors
import Testing
import Topology
import Wire
import ZeroMQ

/// A train worker and a shard of one host give each other addresses, and parts once either cannot read the other's memory.
@Suite struct ShardLinkTests {
  private static let stamp = RunStamp(run: 5, incarnation: 1)
  private static let elements = 1000

  /// What the shard is told, in order.
  private enum Request: Equatable {
    case fetch(readsMemory: Bool)
    case contribution(isAddress: Bool, parts: Int)
  }

  private final class World: @unchecked Sendable {
    // Sendable: made and used on the socket thread only.
    let thread = SocketThread(name: "shard-link")
    var shard: ProducerEdge?
    var link: ShardLink?
  }

  private static func identity(_ stage: Stage, _ place: ProcessPlace) -> WorkerIdentity {
    WorkerIdentity(
      id: "here/\(stage.rawValue)/0#\(getpid())", role: .stage, stage: stage, host: "here", processID: getpid(),
      processToken: place.token)
  }

  /// As the coordinator says them.
  private static func peers(_ identity: WorkerIdentity, _ data: Endpoints) throws -> Peers {
    struct Message: Encodable {
      struct Peer: Encodable {
        let identity: WorkerIdentity
        let data: Endpoints
        let shard: Int
      }
      let stage: Stage
      let peers: [Peer]
    }
    let message = Message(stage: .average, peers: [Message.Peer(identity: identity, data: data, shard: 0)])
    return try JSONDecoder().decode(Peers.self, from: JSONEncoder().encode(message))
  }

  private func begin(_ world: World, _ requests: AsyncStream<Request>.Continuation) throws {
    let places = try (0..<2).map { _ in try ProcessPlace(context: try Context(), host: "here", address: nil) }
    let shard = try ProducerEdge(name: "average-0", place: places[0], thread: world.thread)
    let worker = Self.identity(.train, places[1])
    let link = ShardLink(
      identity: worker.id, place: places[1], thread: world.thread, stamp: { Self.stamp },
      onParameters: { _ in },
      onTaken: { _, _ in requests.finish() })
    shard.onRequest = { consumer, envelope, payload in
      switch envelope.messageKind {
      case .fetchParameters:
        guard let fetch = try? FetchParameters(body: envelope.body) else { return }
        requests.yield(.fetch(readsMemory: fetch.readsMemory))
      case .contribution:
        guard let header = try? BlockHeader(body: envelope.body) else { return }
        requests.yield(.contribution(isAddress: header.address != nil, parts: payload.count))
        let taken = BlockTaken(
          version: header.version, block: header.block, node: header.node, isUnreadable: header.address != nil)
        let kind = MessageKind.contributionTaken.rawValue
        let answer = Envelope(
          kind: kind, run: Self.stamp.run, incarnation: Self.stamp.incarnation, body: taken.encodedBody)
        shard.send(answer, [], to: consumer)
      default: return
      }
    }
    shard.start()
    (world.shard, world.link) = (shard, link)
    link.reset(map: BlockMap(elements: Self.elements, shards: 1))
    link.update(try Self.peers(Self.identity(.average, places[0]), shard.endpoints))
  }

  @Test(.timeLimit(.minutes(1))) func goesOnWithPartsWhereMemoryCannotBeRead() async throws {
    let world = World()
    let (stream, requests) = AsyncStream.makeStream(of: Request.self)
    let values = AlignedBuffer(byteCount: Self.elements * 4)
    values.bytes.initializeMemory(as: UInt8.self, repeating: 1)
    world.thread.perform {
      do {
        try begin(world, requests)
      } catch {
        Issue.record(error)
        requests.finish()
      }
      world.link?.fetch(version: 0)
      world.link?.contribute(version: 0, node: .leaf(0), values)
    }
    var seen: [Request] = []
    for await request in stream { seen.append(request) }
    #expect(
      seen == [
        .fetch(readsMemory: true), .contribution(isAddress: true, parts: 0),
        .fetch(readsMemory: false), .contribution(isAddress: false, parts: 1),
      ])
    await withCheckedContinuation { done in
      world.thread.perform {
        world.link?.close()
        world.shard?.close()
        done.resume()
      }
    }
    world.thread.stop()
  }
}
