package import Video
package import Wire

/// One clip's work, whole: a decode worker needs nothing else, so it opens no index.
package struct WorkItem: Sendable, Equatable {
  package var key: ItemKey
  /// The video's labels as indices in the corpus' list: the one it was drawn for first, then the others, rising.
  package var labels: [Int]
  package var path: String
  /// The file's size when the corpus was built.
  package var byteCount: Int
  /// Frames of the file by demuxing, when the corpus was built.
  package var frameCount: Int
  /// When the file was last changed before the corpus was built, in seconds since 1970, where that is known.
  package var modifiedSeconds: Int?
  /// The part of the file that counts: `segmentStart ..< segmentStart + segmentCount`.
  package var segmentStart: Int
  package var segmentCount: Int
  /// First frame of the window, counted within the segment.
  package var windowStart: Int
  /// Frames in the window: the clip's plus the slack.
  package var windowFrames: Int
  /// Distance of neighbouring frames of the window, in frames of the file; not whole where videos are resampled in time.
  package var stride: Double
  /// Length of the short side after scaling, where one was drawn; else the topology's size counts.
  package var shortEdge: Int?
  /// Where the clip starts within the window, and its length.
  package var clipOffset: Int
  package var clipFrames: Int
  /// Place of the crop as fractions in [0, 1) of the room there is; ignored for a centre crop.
  package var cropY: Double
  package var cropX: Double
  package var centerCrop: Bool
  package var mirror: Bool
  /// The part of the file's packet table that the window needs, where it is known: the pixels do not depend on it.
  package var table: PacketTable?

  /// What the index says of the file.
  package var indexed: IndexedVideo { IndexedVideo(byteCount: byteCount, frameCount: frameCount, table: table) }

  /// The file's frames that make up the window, in order; a segment shorter than the window loops.
  package var frameIndices: [Int] {
    Window.indices(start: windowStart, count: windowFrames, stride: stride, frameCount: max(segmentCount, 1))
      .map { segmentStart + $0 }
  }
}

extension WorkItem {
  /// A clip has a label, and labels are indices.
  static func check(labels: [Int], of key: ItemKey) throws(WireError) {
    guard !labels.isEmpty, labels.allSatisfy({ $0 >= 0 }) else {
      throw WireError(.value, "\(key): no clip has the labels \(labels)")
    }
  }
}

extension WorkItem: WireCodable {
  package func encode(to writer: inout ByteWriter) {
    key.encode(to: &writer)
    writer.write(path)
    labels.encode(to: &writer)
    for value in [
      byteCount, frameCount, segmentStart, segmentCount, windowStart, windowFrames, clipOffset, clipFrames,
    ] {
      writer.write(value)
    }
    writer.write(stride)
    shortEdge.encode(to: &writer)
    writer.write(cropY)
    writer.write(cropX)
    writer.write(centerCrop)
    writer.write(mirror)
    modifiedSeconds.encode(to: &writer)
    table.encode(to: &writer)
  }

  /// Frames of the longest file that is believed: windows are counted in it without overflow.
  private static var maximumFrames: Int { 1 << 40 }

  package init(from reader: inout ByteReader) throws(WireError) {
    key = try ItemKey(from: &reader)
    path = try String(from: &reader)
    labels = try [Int](from: &reader)
    byteCount = try Int(from: &reader)
    frameCount = try Int(from: &reader)
    segmentStart = try Int(from: &reader)
    segmentCount = try Int(from: &reader)
    windowStart = try Int(from: &reader)
    windowFrames = try Int(from: &reader)
    clipOffset = try Int(from: &reader)
    clipFrames = try Int(from: &reader)
    stride = try Double(from: &reader)
    shortEdge = try Int?(from: &reader)
    cropY = try Double(from: &reader)
    cropX = try Double(from: &reader)
    centerCrop = try Bool(from: &reader)
    mirror = try Bool(from: &reader)
    modifiedSeconds = try Int?(from: &reader)
    table = try PacketTable?(from: &reader)
    let limit = 1 << 20
    guard (0...Self.maximumFrames).contains(frameCount), byteCount >= 0, key.slot >= 0, key.attempt >= 0,
      (0.0..<1.0).contains(cropY), (0.0..<1.0).contains(cropX), shortEdge.map({ (8...4096).contains($0) }) ?? true
    else { throw WireError(.value, "\(key): no file and crop are like this") }
    try Self.check(labels: labels, of: key)
    guard (1...limit).contains(windowFrames), stride > 0, stride <= Double(limit),
      (1...windowFrames).contains(clipFrames),
      (0...(windowFrames - clipFrames)).contains(clipOffset), windowStart >= 0, segmentStart >= 0, segmentCount >= 1,
      segmentStart <= frameCount, segmentCount <= frameCount - segmentStart, windowStart <= frameCount
    else { throw WireError(.value, "\(key): the window does not fit the file it names") }
  }
}
