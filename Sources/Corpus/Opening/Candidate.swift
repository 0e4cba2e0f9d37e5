/// A row of an index before its file is opened, as a record of an `ExternalSort` that puts it in its place: by split, label,
/// seeded hash of the file's name, and that name. Rows of one file with one label are sorted by their frames, which nobody knows yet.
struct Candidate: Sendable {
  let order: IndexOrder
  /// All its labels, indices rising.
  let labels: [Int]
  /// Its name in the index.
  let file: String
  /// Where it comes from: a line of the manifest, or a row of the index.
  let line: Int
  /// Its place before it is sorted, which breaks ties.
  let number: Int
  /// The segment; nil for the file's own beginning and end.
  let startSeconds: Double?
  let endSeconds: Double?

  init(
    order: IndexOrder, labels: [Int], file: String, line: Int, number: Int, startSeconds: Double?, endSeconds: Double?
  ) {
    (self.order, self.labels, self.file, self.line, self.number) = (order, labels, file, line, number)
    (self.startSeconds, self.endSeconds) = (startSeconds, endSeconds)
  }

  // MARK: Records

  init(_ record: SortedRecord) {
    let payload = record.payload
    func count(_ offset: Int) -> Int { Int(payload.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
    let nameCount = count(payload.count - 4)
    func number(_ index: Int) -> UInt64 {
      payload.loadUnaligned(fromByteOffset: nameCount + 1 + 8 * index, as: UInt64.self)
    }
    func seconds(_ index: Int) -> Double? {
      let seconds = Double(bitPattern: number(index))
      return seconds.isNaN ? nil : seconds
    }
    let labels = nameCount + 1 + 32
    self.init(
      order: IndexOrder(record), labels: (0..<count(labels)).map { count(labels + 4 + 4 * $0) },
      file: String(decoding: payload[..<nameCount], as: UTF8.self), line: Int(number(0)), number: Int(number(1)),
      startSeconds: seconds(2), endSeconds: seconds(3))
  }

  func append(to records: inout [UInt8]) {
    SortedRecord.append(order.keys.first, order.keys.second, to: &records) { bytes in
      func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
      }
      // Names are compared as far as their end.
      bytes.append(contentsOf: file.utf8)
      bytes.append(0)
      append(UInt64(line))
      append(UInt64(number))
      append((startSeconds ?? .nan).bitPattern)
      append((endSeconds ?? .nan).bitPattern)
      append(UInt32(labels.count))
      for label in labels { append(UInt32(label)) }
      append(UInt32(file.utf8.count))
    }
  }

  /// Whether the other is of the same file, split and label.
  func isBeside(_ other: Candidate) -> Bool {
    order.keys == other.order.keys && file.utf8.elementsEqual(other.file.utf8)
  }

  // MARK: Segments

  /// Frames of the segment: those whose time lies in [start, end); nil for none.
  func frames(of video: ProbedVideo) -> Range<Int>? {
    let rate = video.framesPerSecond.isFinite ? min(max(video.framesPerSecond, 0), 1e6) : 0
    func frame(_ seconds: Double) -> Int { min(Int((seconds * rate).rounded(.up)), video.frameCount) }
    let first = startSeconds.map(frame) ?? 0
    let end = endSeconds.map(frame) ?? video.frameCount
    return first < end ? first..<end : nil
  }

  /// Whether the segment ends after its video, by more than annotations in whole seconds do.
  func endsAfter(_ video: ProbedVideo) -> Bool {
    guard let endSeconds, video.framesPerSecond > 0 else { return false }
    return endSeconds > Double(video.frameCount) / video.framesPerSecond + 1
  }
}
