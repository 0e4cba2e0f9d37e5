import Pipeline
import Tensors
import Testing
import Video
import Wire

/// Every data message comes back as it was sent, and nothing else comes back at all.
@Suite struct DataMessagesTests {
  /// The bytes a message decodes from, written field by field, and the message written again.
  private func expectRoundTrip<Message: WireCodable>(
    _ type: Message.Type, _ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let message = try Message(body: bytes)
    #expect(message.encodedBody == bytes, "\(type)", sourceLocation: sourceLocation)
    expectDamageIsAnError(type, bytes, sourceLocation: sourceLocation)
  }

  /// Short and long bodies are errors; a flipped bit is an error or another message, never a trap.
  private func expectDamageIsAnError<Message: WireCodable>(
    _ type: Message.Type, _ bytes: [UInt8], sourceLocation: SourceLocation
  ) {
    for count in 0..<bytes.count {
      #expect(throws: WireError.self, "\(type) of \(count) bytes", sourceLocation: sourceLocation) {
        try Message(body: Array(bytes[..<count]))
      }
    }
    #expect(throws: WireError.self, sourceLocation: sourceLocation) { try Message(body: bytes + [0]) }
    for bit in 0..<(8 * bytes.count) {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let message = try? Message(body: damaged) else { continue }
      #expect(message.encodedBody == damaged, "\(type) bit \(bit)", sourceLocation: sourceLocation)
    }
  }

  private func bytes(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
    var writer = ByteWriter()
    write(&writer)
    return writer.bytes
  }

  @Test func items() throws {
    try expectRoundTrip(WorkItem.self, ItemFields().bytes)
    let item = try WorkItem(body: ItemFields().bytes)
    #expect(item.path == "videos/ä.mp4" && item.key == TestMessages.key(slot: 2, attempt: 1))
    #expect(item.cropY == 0.25 && item.cropX == 0.75 && !item.centerCrop && item.mirror)
    #expect(item.labels == [7, 2] && item.byteCount == 12345 && item.frameCount == 100)
    #expect(item.frameIndices == [23, 26, 29, 32, 35, 38, 41, 44, 47, 50])
  }

  @Test func leases() throws {
    for count in [0, 1, 3] {
      try expectRoundTrip(
        LeaseMessage.self,
        bytes { writer in
          writer.write(UInt32(count))
          for number in 0..<count {
            writer.writeRaw(ItemFields().bytes)
            writer.write("a/augment/\(number)#12")
            writer.write("b/batch/0#1")
            writer.write(40 + number)
          }
        })
    }
  }

  @Test func windows() throws {
    try expectRoundTrip(
      WindowHeader.self,
      bytes { writer in
        writer.writeRaw(ItemFields().bytes)
        writer.write("augment")
        writer.write("batch")
        writer.write(9)
        TestMessages.tensor([10, 4, 6, 3], checksum: 77).encode(to: &writer)
      })
  }

  @Test func clips() throws {
    let header = TestMessages.clipHeader(TestMessages.key(slot: 2), owner: 6, bytes: 12, labels: [11, 3])
    #expect(header.key == TestMessages.key(slot: 2) && header.owner == 6 && header.labels == [11, 3])
    try expectRoundTrip(ClipHeader.self, header.encodedBody)
  }

  @Test func batches() throws {
    let group = GroupKey(kind: .evaluation, step: 5, index: 300)
    let slots = (0..<3).map {
      TestMessages.clipHeader(ItemKey(group: group, slot: $0), owner: 7, bytes: 12, labels: [$0 * 2, 1])
    }
    let header = BatchHeader(group: group, slots: slots)
    try expectRoundTrip(BatchHeader.self, header.encodedBody)
    let back = try BatchHeader(body: header.encodedBody)
    #expect(back.group == group && back.slots.map(\.key) == slots.map(\.key))
    #expect(back.slots.map(\.labels) == [[0, 1], [2, 1], [4, 1]] && back.slots.allSatisfy { $0.owner == 7 })
    #expect(back.slots.map(\.tensor) == slots.map(\.tensor))
  }

  @Test func blocks() throws {
    let node = TreeNode(level: 2, index: 5)
    let header = BlockHeader(version: 8, block: 3, node: node, tensor: TestMessages.tensor([64]))
    try expectRoundTrip(BlockHeader.self, header.encodedBody)
    let back = try BlockHeader(body: header.encodedBody)
    #expect(back.version == 8 && back.block == 3 && back.node == node && back.tensor == header.tensor)
    let taken = BlockTaken(version: 9, block: 4, node: node)
    try expectRoundTrip(BlockTaken.self, taken.encodedBody)
    let again = try BlockTaken(body: taken.encodedBody)
    #expect(again.version == 9 && again.block == 4 && again.node == node && !again.isUnreadable)
    let placed = BlockHeader(
      version: 8, block: 3, node: node, tensor: TestMessages.tensor([64]), address: 0x7fff_0000_1000)
    try expectRoundTrip(BlockHeader.self, placed.encodedBody)
    #expect(try BlockHeader(body: placed.encodedBody).address == 0x7fff_0000_1000 && back.address == nil)
    let unread = BlockTaken(version: 9, block: 4, node: node, isUnreadable: true)
    #expect(try BlockTaken(body: unread.encodedBody).isUnreadable)
  }

  @Test func parameters() throws {
    let header = ParametersHeader(
      version: 6, shard: 1, blocks: [1, 3], tensors: [TestMessages.tensor([16]), TestMessages.tensor([4])])
    try expectRoundTrip(ParametersHeader.self, header.encodedBody)
    let back = try ParametersHeader(body: header.encodedBody)
    #expect(back.version == 6 && back.shard == 1 && back.blocks == [1, 3] && back.tensors == header.tensors)
    let placed = ParametersHeader(
      version: 6, shard: 1, blocks: [1], tensors: [TestMessages.tensor([16])], addresses: [4096])
    try expectRoundTrip(ParametersHeader.self, placed.encodedBody)
    #expect(try ParametersHeader(body: placed.encodedBody).addresses == [4096] && back.addresses.isEmpty)
  }

  @Test func acceptances() throws {
    let keys = [TestMessages.key(slot: 1), TestMessages.key(.evaluation, slot: 0)]
    let accepted = Accepted(keys: keys, owners: [5, 6])
    try expectRoundTrip(Accepted.self, accepted.encodedBody)
    let back = try Accepted(body: accepted.encodedBody)
    #expect(back.keys == keys && back.owners == [5, 6])
    #expect(throws: WireError.self) { try Accepted(body: Accepted(keys: keys, owners: [5]).encodedBody) }
  }

  @Test func rounds() throws {
    let group = TestMessages.key().group
    let share = ReplicaShare(step: 7, node: TreeNode(level: 1, index: 2))
    let lease = TrainLease(share: share, batches: ["b/batch/0#1", "b/batch/1#2"])
    try expectRoundTrip(TrainLease.self, lease.encodedBody)
    let backLease = try TrainLease(body: lease.encodedBody)
    #expect(backLease.share == share && backLease.batches == lease.batches)
    let report = TrainedReport(
      group: group, consumed: ConsumedDigest(count: 3, digest: .max), loss: 0.5, correct: 2, seconds: 1.25)
    var lost = report
    lost.loss = .nan
    let reports = TrainedReports([report, lost])
    try expectRoundTrip(TrainedReports.self, reports.encodedBody)
    let backReports = try TrainedReports(body: reports.encodedBody).reports
    #expect(backReports.count == 2 && backReports[0] == report && backReports[1].loss.isNaN)
  }

  /// Everything goes into one envelope and out again.
  @Test func envelopes() throws {
    let body = Accepted(keys: [TestMessages.key()], owners: [5]).encodedBody
    let envelope = Envelope(kind: MessageKind.accepted.rawValue, run: 12, incarnation: 3, body: body)
    let back = try envelope.encoded().withUnsafeBytes(Envelope.decode)
    #expect(back.messageKind == .accepted && back.stamp == RunStamp(run: 12, incarnation: 3) && back.body == body)
    #expect(Envelope(kind: 9999, run: 0, incarnation: 0, body: []).messageKind == nil)
  }

  /// Items that no plan makes: none may reach arithmetic that would overflow, or ask for memory.
  @Test(arguments: ItemFields.impossible)
  func impossibleItemsAreErrors(_ name: String, _ fields: ItemFields) {
    #expect(throws: WireError.self, "\(name)") { try WorkItem(body: fields.bytes) }
  }

  @Test(arguments: ItemFields.extreme)
  func extremeItemsDoNotOverflow(_ name: String, _ fields: ItemFields) throws {
    let item = try WorkItem(body: fields.bytes)
    let segment = item.segmentStart..<(item.segmentStart + item.segmentCount)
    #expect(item.frameIndices.allSatisfy { segment.contains($0) }, "\(name)")
  }
}

/// An item's fields in the order of the wire.
struct ItemFields: Sendable {
  var key = TestMessages.key(slot: 2, attempt: 1)
  var path = "videos/ä.mp4"
  var labels = [7, 2]
  var byteCount = 12345
  var frameCount = 100
  var segmentStart = 20
  var segmentCount = 60
  var windowStart = 3
  var windowFrames = 10
  var stride = 3.0
  var shortEdge: Int? = 40
  var clipOffset = 2
  var clipFrames = 8
  var cropY = 0.25
  var cropX = 0.75
  var modifiedSeconds: Int?
  var table: PacketTable?

  var bytes: [UInt8] {
    var writer = ByteWriter()
    key.encode(to: &writer)
    writer.write(path)
    labels.encode(to: &writer)
    writer.write(byteCount)
    writer.write(frameCount)
    writer.write(segmentStart)
    writer.write(segmentCount)
    writer.write(windowStart)
    writer.write(windowFrames)
    writer.write(clipOffset)
    writer.write(clipFrames)
    writer.write(stride)
    shortEdge.encode(to: &writer)
    writer.write(cropY)
    writer.write(cropX)
    writer.write(false)
    writer.write(true)
    modifiedSeconds.encode(to: &writer)
    table.encode(to: &writer)
    return writer.bytes
  }

  private static func with(_ name: String, _ change: (inout ItemFields) -> Void) -> (String, ItemFields) {
    var fields = ItemFields()
    change(&fields)
    return (name, fields)
  }

  static let impossible: [(String, ItemFields)] = [
    with("window of 0 frames") { $0.windowFrames = 0 },
    with("window of -1 frames") { $0.windowFrames = -1 },
    with("huge window") { $0.windowFrames = .max },
    with("window of 2^21 frames") { $0.windowFrames = 1 << 21 },
    with("stride 0") { $0.stride = 0 },
    with("huge stride") { $0.stride = .infinity },
    with("stride that is no number") { $0.stride = .nan },
    with("short edge of 0") { $0.shortEdge = 0 },
    with("huge short edge") { $0.shortEdge = .max },
    with("negative start") { $0.windowStart = -1 },
    with("smallest start") { $0.windowStart = .min },
    with("start beyond the file") { $0.windowStart = 101 },
    with("huge start in a huge file") {
      $0.windowStart = .max
      $0.frameCount = .max
    },
    with("negative segment start") { $0.segmentStart = -1 },
    with("empty segment") { $0.segmentCount = 0 },
    with("segment beyond the file") { $0.segmentCount = 81 },
    with("segment whose end overflows") {
      $0.segmentStart = .max
      $0.segmentCount = .max
    },
    with("negative frame count") { $0.frameCount = -1 },
    with("huge frame count") { $0.frameCount = .max },
    with("clip of 0 frames") { $0.clipFrames = 0 },
    with("clip longer than its window") { $0.clipFrames = 11 },
    with("clip beyond its window") { $0.clipOffset = 3 },
    with("negative clip offset") { $0.clipOffset = -1 },
    with("smallest clip offset") { $0.clipOffset = .min },
    with("crop outside") { $0.cropY = 1 },
    with("negative crop") { $0.cropX = -0.1 },
    with("crop that is no number") { $0.cropY = .nan },
    with("infinite crop") { $0.cropX = .infinity },
    with("negative label") { $0.labels = [3, -1] },
    with("no label") { $0.labels = [] },
    with("negative size") { $0.byteCount = -1 },
    with("negative slot") { $0.key.slot = -1 },
    with("negative attempt") { $0.key.attempt = -1 },
  ]

  static let extreme: [(String, ItemFields)] = [
    with("segment of one frame") {
      $0.segmentStart = 99
      $0.segmentCount = 1
    },
    with("largest stride") { $0.stride = 0x1p20 },
    with("longest file") {
      $0.frameCount = 1 << 40
      $0.segmentStart = 0
      $0.segmentCount = 1 << 40
      $0.windowStart = 1 << 40
      $0.stride = 0x1p20
    },
    with("clip as long as its window") {
      $0.clipOffset = 0
      $0.clipFrames = 10
    },
  ]
}
