import Foundation
import Glibc
import Tensors
import Topology
import Video
import Wire
import ZeroMQ

/// Decodes windows: one lease after the other on one work thread, each sent to the augment worker of its route.
package actor DecodeStage: StageActor {
  private nonisolated let thread: SocketThread
  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let launch: StageLaunch
  private let source: any WindowSource
  private let work: WorkThread
  private let watch = DecodeWatch()
  private var core: StageCore!
  private var size = FrameSize.native
  private var format = PixelFormat.rgb24
  private var limitSeconds = Double.infinity
  private var isOver = false

  private static let tick = Duration.milliseconds(250)
  /// A clip that takes longer is shown by `status`.
  private static let longSeconds = 3.0

  package init(launch: StageLaunch, source: (any WindowSource)? = nil) {
    self.launch = launch
    self.source =
      source ?? launch.faults.mockDecodeSeconds.map { MockWindowSource(seconds: $0) } ?? VideoWindowSource()
    thread = SocketThread(name: "decode")
    work = WorkThread(name: "decode-work")
  }

  package func run() async throws -> StageEnd {
    core = try StageCore(stage: .decode, launch: launch, thread: thread, produces: true)
    core.fingerprint = .decode()
    core.onConfigure = { self.configure($0) }
    core.onMessage = { kind, envelope in self.handle(kind, envelope) }
    core.underWay = { self.underWay() }
    core.start()
    scheduleWatch()
    let end = await withCheckedContinuation { core.waitForEnd($0) }
    isOver = true
    core.close()
    work.stop()
    return end
  }

  package func leave() { core?.leave() }

  private func configure(_ configuration: StageConfiguration) {
    size =
      switch configuration.topology.clip.resize {
      case .exact(let height, let width): .exact(height: height, width: width)
      case .shortEdge(let edges): .shortEdge(edges.lowerBound)
      }
    format = PixelFormat(configuration.topology.links.format)
    limitSeconds = configuration.topology.decodeLimit
  }

  // MARK: Clips that take too long

  private func underWay() -> WorkerCounters.UnderWay? {
    guard let clip = watch.current, clip.seconds > Self.longSeconds else { return nil }
    return WorkerCounters.UnderWay(path: clip.path, seconds: clip.seconds)
  }

  private func scheduleWatch() {
    _ = thread.schedule(after: Self.tick) {
      guard !self.isOver else { return }
      self.endIfOverdue()
      self.scheduleWatch()
    }
  }

  /// The node starts another process, and says what this one was at.
  private func endIfOverdue() {
    guard let (clip, hang) = watch.overdue(limit: limitSeconds) else { return }
    let text =
      "\(core.identity.id): \(clip.path) (\(clip.key)): not decoded after \(Int(clip.seconds)) s, "
      + "\(Int(clip.computedSeconds)) s of them of CPU time; decode_limit is \(limitSeconds) s: this process ends\n"
    FileHandle.standardError.write(Data(text.utf8))
    _exit(hang.status)
  }

  // MARK: Leases

  private func handle(_ kind: MessageKind, _ envelope: Envelope) {
    guard kind == .lease, let lease = try? LeaseMessage(body: envelope.body) else {
      core.counters.malformedDropped += 1
      return
    }
    var pass: [LeaseMessage.Entry] = []
    for entry in lease.entries {
      if let last = pass.last, !entry.item.isOfOnePass(with: last.item) {
        start(pass)
        pass = []
      }
      pass.append(entry)
    }
    start(pass)
  }

  /// - Parameter pass: clips that are decoded in one go. One that crashes or hangs is pinned to the first: they are of one
  ///   evaluated video, which counts as a whole or not at all.
  private func start(_ pass: [LeaseMessage.Entry]) {
    guard let first = pass.first?.item else { return }
    let (source, size, format) = (source, first.shortEdge.map { .shortEdge($0) } ?? size, format)
    let (mark, faults) = (launch.crashMark, launch.faults)
    let links = pass.map { core.link(to: $0.augment) }
    work.submit { [self, clock = core.clock] in
      mark?.set(first.key)
      watch.begin(first, clips: pass.count)
      let outcomes = clock.measure {
        for entry in pass { faults.beforeDecode(entry.item) }
        let windows = source.windows(for: pass.map(\.item), size: size, format: format)
        return zip(windows, zip(pass, links)).map { window, route in
          window.map { Window($0, entry: route.0, link: route.1) }
        }
      }.result
      watch.end()
      mark?.clear()
      thread.perform { self.assumeIsolated { stage in zip(pass, outcomes).forEach { stage.finished($0, $1) } } }
    }
  }

  private func finished(_ entry: LeaseMessage.Entry, _ outcome: Result<Window, ClipFailure>) {
    core.counters.items += 1
    switch outcome {
    case .failure(let failure):
      core.link.send(Failed(key: entry.item.key, reason: failure.reason, isTransient: failure.isTransient))
    case .success(let window):
      core.counters.tensorBytesOut += window.frames.buffer.byteCount
      core.output!.send(
        Envelope(.window, stamp: core.stamp, body: window.header.encodedBody), [window.payload], to: entry.augment)
      core.tap.publish(entry.item.key) {
        (
          ["path": .text(entry.item.path), "label": .integer(entry.item.labels[0])],
          TapPublisher.Frame(buffer: window.frames.buffer, tensor: window.header.tensor)
        )
      }
    }
  }
}

extension WorkItem {
  /// All clips of an evaluated video are decoded in one go.
  fileprivate func isOfOnePass(with other: WorkItem) -> Bool {
    key.group == other.key.group && key.group.kind == .evaluation && shortEdge == other.shortEdge
  }
}

/// A window ready to send.
private struct Window: Sendable {
  let frames: FrameTensor
  let header: WindowHeader
  let payload: MessagePart

  init(_ frames: FrameTensor, entry: LeaseMessage.Entry, link: OutgoingLink) {
    self.frames = frames
    let packed = link.pack(
      frames.buffer, layout: frames.format.layout, dimensions: frames.dimensions, seed: entry.item.key.stableHash)
    var entry = entry
    entry.item.table = nil
    header = WindowHeader(entry: entry, tensor: packed.descriptor)
    payload = packed.payload
  }
}

extension FaultPoints {
  /// What a test build does instead of, or before, decoding.
  fileprivate func beforeDecode(_ item: WorkItem) {
    if let crashVideo, item.path.contains(crashVideo) {
      // A real fault: a signal that is only raised would be survived by the runtime's handler.
      UnsafeMutablePointer<Int>(bitPattern: 64)?.pointee = 1
    }
    if paceSeconds > 0 { usleep(UInt32(paceSeconds * 1e6)) }
    if let loopVideo, item.path.contains(loopVideo) { while Monotonic.seconds() > 0 {} }
    if let stallVideo, item.path.contains(stallVideo) {
      while access(item.path + ".stalled", F_OK) == 0 { usleep(20_000) }
    }
    guard let slowDecodeStep, item.key.group.kind == .training, item.key.group.step == slowDecodeStep,
      item.key.slot == 0, SlowOnce.take()
    else { return }
    usleep(UInt32(slowDecodeSeconds * 1e6))
  }
}

/// The slow decode happens once a process.
private enum SlowOnce {
  private nonisolated(unsafe) static var taken = false  // only the decode work thread comes here

  static func take() -> Bool {
    defer { taken = true }
    return !taken
  }
}
