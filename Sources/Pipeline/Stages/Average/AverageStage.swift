import Networks
import Tensors
import Topology
import Wire
import ZeroMQ

/// One shard of the average stage: owns blocks of the model, sums contributions over the fixed tree, applies SGD and
/// gives out the next version.
package actor AverageStage: StageActor {
  private nonisolated let thread: SocketThread
  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let launch: StageLaunch
  private var core: StageCore!
  private var model: ShardModel?
  private var modelRun: UInt64 = 0
  private var pool = BufferPool()
  private var shard = 0
  private var shards = 1
  private var layout: ParameterLayout!
  /// What consumers asked for and have not been sent.
  private var wanted: [WorkerID: (version: Int, blocks: Set<Int>, readsMemory: Bool)] = [:]
  /// What the coordinator said of the open step's gradient, where it is clipped.
  private var clip: ClipScale?
  /// What it was told to load last: told again, the answer is said again.
  private var loaded: (stamp: RunStamp, version: Int)?
  /// The newest checkpoint file of this incarnation: asked again, the answer is said again, the file stays.
  private var written: (stamp: RunStamp, answer: Checkpointed)?

  package init(launch: StageLaunch) {
    self.launch = launch
    thread = SocketThread(name: "average")
  }

  package func run() async throws -> StageEnd {
    core = try StageCore(stage: .average, launch: launch, thread: thread, produces: true)
    core.fingerprint = .numerics()
    core.shardState = {
      self.model.map { ShardState(index: self.shard, run: self.modelRun, version: $0.version) }
    }
    core.output!.onRequest = { consumer, envelope, payload in self.serve(consumer, envelope, payload) }
    core.onConfigure = { self.configure($0) }
    core.onMessage = { kind, envelope in self.handle(kind, envelope) }
    core.start()
    let end = await withCheckedContinuation { core.waitForEnd($0) }
    core.close()
    return end
  }

  package func leave() { core?.leave() }

  private func configure(_ configuration: StageConfiguration) {
    let train = configuration.topology.train
    do {
      layout =
        try launch.elements.map { ParameterLayout(elements: $0) }
        ?? ParameterLayout(
          NetworkDefinition(name: train.network, classes: configuration.classes, width: train.width))
    } catch {
      core.end(.refused("\(train.network): \(error)"))
      return
    }
    shard = configuration.shard ?? 0
    shards = configuration.shards
    wanted = [:]
    clip = nil
    model?.clearSums()
    // A coordinator that restarts learns where the shard is, and what others need of the step before.
    if let model { core.link.send(Applied(shard: shard, version: model.version)) }
    sendSquares()
  }

  private func handle(_ kind: MessageKind, _ envelope: Envelope) {
    switch kind {
    case .load:
      guard let load = try? Load(from: envelope) else { break }
      reload(load)
    case .commit:
      guard let commit = try? Commit(from: envelope) else { break }
      if commit.checkpoint { writeCheckpoint(commit.version) }
      model?.commit(version: commit.version)
      // The word on a step that is not committed yet may have been lost with a connection.
      if let model, model.version > commit.version { core.link.send(Applied(shard: shard, version: model.version)) }
      // A reminder, too: what was measured and not answered is said again.
      if let model, model.squares?.step == model.version, clip?.step != model.version { sendSquares() }
      applyAll()
    case .clipScale:
      guard let clip = try? ClipScale(from: envelope) else { break }
      self.clip = clip
      applyAll()
    default: core.counters.malformedDropped += 1
    }
  }

  private func sendSquares() {
    guard let squares = model?.squares else { return }
    core.link.send(GradientSquares(shard: shard, step: squares.step, squares: squares.values))
  }

  // MARK: Loading and saving

  private func reload(_ load: Load) {
    if let loaded, loaded == (core.stamp, load.version) {
      return core.link.send(Loaded(shard: shard, version: load.version))
    }
    written = nil
    clip = nil
    do {
      model = try makeModel(load)
      modelRun = core.stamp.run
      loaded = (core.stamp, load.version)
      core.link.send(Loaded(shard: shard, version: load.version))
      serveWanted()
    } catch {
      core.link.send(Loaded(shard: shard, version: load.version, error: "\(error)"))
    }
  }

  private func makeModel(_ load: Load) throws -> ShardModel {
    let topology = core.configuration!.topology
    let map = BlockMap(elements: layout.count, shards: shards)
    let own = Set(map.blocks(of: shard))
    var blocks = Checkpoint.Blocks()
    if let checkpoint = load.checkpoint {
      blocks = try Checkpoint(directory: checkpoint).blocks(elements: layout.count) { own.contains($0) }
    } else {
      let vector = try initialVector()
      defer { withExtendedLifetime(vector) {} }
      for block in own {
        let range = map.range(of: block)
        let buffer = AlignedBuffer(byteCount: range.count * 4)
        buffer.bytes.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: vector.bytes[(range.lowerBound * 4)..<(range.upperBound * 4)]))
        blocks.parameters[block] = buffer
        let zeros = AlignedBuffer(byteCount: range.count * 4)
        zeros.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        blocks.momentum[block] = zeros
      }
    }
    return ShardModel(
      shard: shard, map: map, layout: layout, tree: ReplicaTree(replicas: topology.train.replicas),
      version: load.version, parameters: blocks.parameters, momentum: blocks.momentum, isRounded: isRounded)
  }

  private func initialVector() throws(NetworkError) -> AlignedBuffer {
    guard let elements = launch.elements else {
      return try InitialModel.vector(
        topology: core.configuration!.topology, classes: core.configuration!.classes)
    }
    let vector = AlignedBuffer(byteCount: elements * 4)
    vector.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    return vector
  }

  private func writeCheckpoint(_ version: Int) {
    if let written, written.stamp == core.stamp, written.answer.version == version {
      return core.link.send(written.answer)
    }
    guard let snapshot = model?.snapshot(at: version) else { return }
    do {
      let file = try Checkpoint.writeShard(
        run: core.configuration!.directory, version: version, shard: shard, shards: shards,
        parameters: snapshot.parameters, momentum: snapshot.momentum)
      let answer = Checkpointed(shard: shard, version: version, file: file.name, sha256: file.sha256)
      written = (core.stamp, answer)
      core.link.send(answer)
    } catch {
      core.link.send(Checkpointed(shard: shard, version: version, file: "", sha256: "", error: "\(error)"))
    }
  }

  // MARK: Serving

  private func serve(_ consumer: WorkerID, _ envelope: Envelope, _ payload: ArraySlice<MessagePart>) {
    guard envelope.stamp == core.stamp else {
      core.counters.staleDropped += 1
      return
    }
    switch envelope.messageKind {
    case .fetchParameters:
      guard let fetch = try? FetchParameters(body: envelope.body) else { return core.counters.malformedDropped += 1 }
      wanted[consumer] = (fetch.version, Set(fetch.blocks), fetch.readsMemory && core.neighbor(consumer) != nil)
      serveWanted()
    case .contribution: take(envelope, payload, from: consumer)
    default: core.counters.malformedDropped += 1
    }
  }

  private func serveWanted() {
    guard let model else { return }
    for block in model.blocks { serveWanted(block) }
  }

  /// Sends the block to those who wait for it.
  private func serveWanted(_ block: Int) {
    for (consumer, request) in wanted where request.blocks.contains(block) {
      guard let published = model?.published(block, at: request.version) else { continue }
      wanted[consumer]!.blocks.remove(block)
      var header = ParametersHeader(
        version: request.version, shard: shard, blocks: [block], tensors: [published.tensor])
      // It stays there until two versions later; whoever reads it then finds another checksum.
      if request.readsMemory { header.addresses = [UInt64(UInt(bitPattern: published.payload.bytes.baseAddress))] }
      core.output!.send(
        Envelope(.parameters, stamp: core.stamp, body: header.encodedBody),
        request.readsMemory ? [] : [MessagePart(published.payload, count: published.payload.byteCount)], to: consumer)
    }
  }

  private func take(_ envelope: Envelope, _ payload: ArraySlice<MessagePart>, from consumer: WorkerID) {
    let began = Monotonic.seconds()
    defer { core.counters.busySeconds += Monotonic.seconds() - began }
    // Not with a copy of the model at hand: its buffers would look used, and the pool would map others.
    guard model != nil, let header = try? BlockHeader(body: envelope.body) else {
      core.counters.malformedDropped += 1
      return
    }
    var taken = BlockTaken(version: header.version, block: header.block, node: header.node)
    if model!.has(step: header.version, block: header.block, node: header.node) {
      core.counters.duplicatesDropped += 1
    } else {
      guard let outcome = add(header, payload, from: consumer) else { return core.counters.malformedDropped += 1 }
      taken.isUnreadable = outcome == .unreadable
    }
    core.output!.send(Envelope(.contributionTaken, stamp: core.stamp, body: taken.encodedBody), [], to: consumer)
    // A clipped gradient is applied as a whole.
    if core.configuration?.topology.train.clipNorm == nil { apply([header.block]) } else { applyAll() }
  }

  /// Reads a contribution and takes it; nil when it is not one.
  private func add(
    _ header: BlockHeader, _ payload: ArraySlice<MessagePart>, from consumer: WorkerID
  ) -> ReceivedBlock.Outcome? {
    guard let block = received(header, payload, from: consumer) else { return nil }
    let (values, outcome) = values(of: block, header.tensor)
    guard let values else { return outcome == .damaged ? nil : outcome }
    guard model!.take(step: header.version, block: header.block, node: header.node, values) == .added else {
      return nil
    }
    core.counters.items += 1
    return outcome
  }

  private var isRounded: Bool { core.configuration?.topology.train.transfer == .bfloat16 }

  /// Where the contribution is; nil when neither a part nor memory of a process of this host.
  private func received(
    _ header: BlockHeader, _ payload: ArraySlice<MessagePart>, from consumer: WorkerID
  ) -> ReceivedBlock? {
    guard let address = header.address else {
      guard payload.count == 1, let part = payload.first else { return nil }
      return .part(part, isTrusted: core.isInProcess(consumer))
    }
    return core.neighbor(consumer).map { .memory(process: $0, address: address) }
  }

  /// The contribution where it is, or copied and widened; nil unless it is whole.
  private func values(
    of block: ReceivedBlock, _ tensor: TensorDescriptor
  ) -> (BlockValues?, ReceivedBlock.Outcome) {
    if !isRounded, case .part(let part, let isTrusted) = block {
      guard tensor.elementType == .float32, tensor.compression == .none, isTrusted || Self.isWhole(part, tensor)
      else { return (nil, .damaged) }
      return (BlockValues(part), .whole)
    }
    let byteCount = tensor.storedByteCount * (isRounded ? 2 : 1)
    guard (1...BlockMap.blockElements * 4).contains(byteCount), byteCount % 4 == 0 else { return (nil, .damaged) }
    let buffer = pool.take(byteCount: byteCount)
    let outcome = block.copy(tensor, isRounded: isRounded, into: buffer.bytes, pool: &pool)
    return (outcome == .whole ? BlockValues(buffer) : nil, outcome)
  }

  private static func isWhole(_ part: MessagePart, _ tensor: TensorDescriptor) -> Bool {
    (try? part.withUnsafeBytes {
      try TensorCodec.verify(tensor, payload: $0, seed: 0, maximumByteCount: BlockMap.blockElements * 4)
    }) != nil
  }

  // MARK: Applying

  private func applyAll() {
    // Not with a copy of the model at hand: its buffers would look used, and the pool would map others.
    guard let blocks = model?.blocks else { return }
    apply(blocks)
  }

  /// Applies those of the blocks whose sum is whole, and says so when it was the last one.
  private func apply(_ blocks: [Int]) {
    guard let step = model?.version, let options = options(at: step) else { return }
    for block in blocks where model!.canApply(block) {
      model!.apply(block, options)
      serveWanted(block)
    }
    if model!.blocks.isEmpty { model!.advance() }
    guard model!.version > step else { return }
    core.link.send(Applied(shard: shard, version: model!.version))
    publish(step: step)
  }

  /// How the open step is applied; nil after the last one, and while its norm is not known.
  private func options(at step: Int) -> SGDOptions? {
    guard let train = core.configuration?.topology.train, step < (train.steps ?? 0) else { return nil }
    var options = train.sgdOptions(learningRate: train.learningRate(at: step))
    guard train.clipNorm != nil else { return options }
    // The norm is of all shards' blocks: the coordinator adds them up.
    guard model!.isComplete else { return nil }
    guard let clip, clip.step == step else {
      if model!.measure() { sendSquares() }
      return nil
    }
    options.gradientScale = clip.scale
    return options
  }

  private func publish(step: Int) {
    let rate = core.configuration!.topology.train.learningRate(at: step)
    let key = ItemKey(group: GroupKey(kind: .training, step: step, index: shard), slot: 0)
    core.tap.publish(key) {
      var squares = 0.0
      for (_, buffer) in model!.parameters(at: step + 1) ?? [] {
        for value in buffer.elements(Float.self) { squares += Double(value) * Double(value) }
      }
      return (
        ["version": .integer(step + 1), "learning_rate": .number(rate), "norm": .number(squares.squareRoot())], nil
      )
    }
  }
}
