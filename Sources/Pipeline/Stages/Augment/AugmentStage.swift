import Tensors
import Topology
import Video
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
  private var format = PixelFormat.rgb24

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
    core.onConfigure = {
      self.crop = $0.topology.clip.crop
      self.format = PixelFormat($0.topology.links.format)
    }
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
      let header = try? WindowHeader(body: envelope.body), let size = header.size(of: format), crop > 0
    else {
      core.counters.malformedDropped += 1
      return
    }
    let part = payload.first!
    let (crop, format) = (crop, format)
    let link = core.link(to: header.entry.batch)
    work.submit { [self, clock = core.clock] in
      let outcome = clock.measure {
        Clip.make(header, size, part, crop: crop, format: format, link: link)
      }.result
      thread.perform { self.assumeIsolated { $0.finished(header, outcome) } }
    }
  }

  private func finished(_ header: WindowHeader, _ outcome: Result<Clip, ClipFailure>?) {
    core.counters.items += 1
    let item = header.entry.item
    switch outcome {
    case nil:
      core.counters.malformedDropped += 1
    case .failure(let failure):
      core.link.send(
        Failed(key: item.key, reason: failure.reason, isTransient: failure.isTransient))
    case .success(let clip):
      core.counters.tensorBytesOut += clip.frames.buffer.byteCount
      core.output!.send(
        Envelope(.clip, stamp: core.stamp, body: clip.header.encodedBody), [clip.payload], to: header.entry.batch)
      core.tap.publish(item.key) {
        (
          ["path": .text(item.path), "label": .integer(item.labels[0])],
          TapPublisher.Frame(buffer: clip.frames.buffer, tensor: clip.header.tensor)
        )
      }
    }
  }

  private struct Clip: Sendable {
    let frames: FrameTensor
    let header: ClipHeader
    let payload: MessagePart

    /// - Returns: nil when the window's bytes are not what its header says.
    static func make(
      _ header: WindowHeader, _ size: (frames: Int, height: Int, width: Int), _ part: MessagePart, crop: Int,
      format: PixelFormat, link: OutgoingLink
    ) -> Result<Clip, ClipFailure>? {
      let item = header.entry.item
      let seed = item.key.stableHash
      guard
        let buffer = try? part.withUnsafeBytes({
          try TensorCodec.decode(header.tensor, payload: $0, seed: seed, maximumByteCount: maximumWindowBytes)
        })
      else { return nil }
      do throws(ClipFailure) {
        let window = FrameTensor(
          buffer: buffer, frames: size.frames, height: size.height, width: size.width, format: format)
        let frames = try ClipCropper.clip(window, item: item, crop: crop)
        let packed = link.pack(frames.buffer, layout: format.layout, dimensions: frames.dimensions, seed: seed)
        return .success(
          Clip(
            frames: frames,
            header: ClipHeader(
              key: item.key, owner: header.entry.owner, labels: item.labels, tensor: packed.descriptor),
            payload: packed.payload))
      } catch {
        return .failure(error)
      }
    }
  }
}

extension WindowHeader {
  /// The size of the window's frames; nil if the tensor is not the window that the item asks for.
  fileprivate func size(of format: PixelFormat) -> (frames: Int, height: Int, width: Int)? {
    tensor.size(of: format).flatMap { $0.frames == entry.item.windowFrames ? $0 : nil }
  }
}
