import Tensors
import Topology
import Wire
import ZeroMQ

/// Cuts clips out of windows and sends them to the batch worker of their route.
package actor AugmentStage: StageActor {
  private nonisolated let thread: SocketThread
  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let launch: StageLaunch
  private let work: WorkThread
  private var core: StageCore!
  private var input: ConsumerEdge!
  private var crop = 0

  /// A window is never larger than this: a header that claims more is not believed.
  private static let maximumWindowBytes = 1 << 30

  package init(launch: StageLaunch) {
    self.launch = launch
    thread = SocketThread(name: "augment")
    work = WorkThread(name: "augment-work")
  }

  package func run() async throws -> StageEnd {
    core = try StageCore(stage: .augment, launch: launch, thread: thread, produces: true)
    input = ConsumerEdge(identity: core.identity.id, place: launch.place, thread: thread)
    input.onMessage = { _, envelope, payload in self.receive(envelope, payload) }
    core.onConfigure = { self.crop = $0.topology.clip.crop }
    core.onMessage = { kind, envelope in
      guard kind == .peers, let peers = try? Peers(from: envelope) else { return }
      self.input.update(peers.peers)
    }
    core.start()
    let end = await withCheckedContinuation { core.waitForEnd($0) }
    input.close()
    core.close()
    work.stop()
    return end
  }

  package func leave() { core?.leave() }

  private func receive(_ envelope: Envelope, _ payload: ArraySlice<MessagePart>) {
    guard envelope.run == core.stamp.run, envelope.messageKind == .window, payload.count == 1,
      let header = try? WindowHeader(body: envelope.body), header.isConsistent, crop > 0
    else {
      core.counters.malformedDropped += 1
      return
    }
    let part = payload.first!
    let crop = crop
    let compression = core.compression(to: header.entry.batch)
    work.submit { [self] in
      let began = Monotonic.seconds()
      let outcome = Clip.make(header, part, crop: crop, compression: compression)
      let seconds = Monotonic.seconds() - began
      thread.perform { self.assumeIsolated { $0.finished(header, outcome, seconds: seconds) } }
    }
  }

  private func finished(_ header: WindowHeader, _ outcome: Result<Clip, ClipFailure>?, seconds: Double) {
    core.counters.items += 1
    core.counters.busySeconds += seconds
    let item = header.entry.item
    switch outcome {
    case nil:
      core.counters.malformedDropped += 1
    case .failure(let failure):
      core.link.send(
        Failed(key: item.key, reason: failure.reason, isTransient: failure.isTransient))
    case .success(let clip):
      core.output!.send(
        Envelope(.clip, stamp: core.stamp, body: clip.header.encodedBody), [clip.payload], to: header.entry.batch)
      core.tap.publish(item.key) {
        (
          ["path": .text(item.path), "label": .integer(item.labels[0])],
          TapPublisher.Frame(buffer: clip.buffer, dimensions: clip.header.tensor.dimensions)
        )
      }
    }
  }

  private struct Clip: Sendable {
    let buffer: AlignedBuffer
    let header: ClipHeader
    let payload: MessagePart

    /// - Returns: nil when the window's bytes are not what its header says.
    static func make(
      _ header: WindowHeader, _ part: MessagePart, crop: Int, compression: Compression
    ) -> Result<Clip, ClipFailure>? {
      let item = header.entry.item
      let seed = item.key.stableHash
      guard
        let window = try? part.withUnsafeBytes({
          try TensorCodec.decode(header.tensor, payload: $0, seed: seed, maximumByteCount: maximumWindowBytes)
        })
      else { return nil }
      do throws(ClipFailure) {
        let buffer = try ClipCropper.clip(window, dimensions: header.tensor.dimensions, item: item, crop: crop)
        let encoded = TensorCodec.encode(
          buffer, elementType: .uint8, layout: .thwc, dimensions: [item.clipFrames, crop, crop, 3],
          compression: compression, seed: seed)
        return .success(
          Clip(
            buffer: buffer,
            header: ClipHeader(
              key: item.key, owner: header.entry.owner, labels: item.labels, tensor: encoded.descriptor),
            payload: MessagePart(encoded.payload, count: encoded.payloadByteCount)))
      } catch {
        return .failure(error)
      }
    }
  }
}

extension WindowHeader {
  /// Whether the tensor is the window the item asks for.
  fileprivate var isConsistent: Bool {
    tensor.elementType == .uint8 && tensor.layout == .thwc && tensor.dimensions.count == 4
      && tensor.dimensions[0] == entry.item.windowFrames && tensor.dimensions[3] == 3
  }
}
