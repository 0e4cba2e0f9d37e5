internal import Files
internal import Foundation

/// What was read of metadata.
package struct MatchingReport: Sendable, Codable, Equatable {
  package internal(set) var rows = 0
  /// Rows with a label, one or several.
  package internal(set) var matched = 0
  /// Rows that could not be read.
  package internal(set) var rejected = 0

  package init() {}

  package static func += (left: inout Self, right: Self) {
    left.rows += right.rows
    left.matched += right.matched
    left.rejected += right.rejected
  }
}

/// One pass over files of metadata: the rows with labels, found on threads of their own, in the order of the files. Memory is
/// bounded by the labels' hashtags and a few blocks of rows.
package struct MatchingPass: Sendable {
  /// The end of a block: where a pass may go on.
  package struct Place: Sendable, Codable, Equatable {
    /// Index of the file.
    package var source = 0
    /// Bytes of it, decompressed.
    package var offset = 0
    /// Line there, from 1.
    package var line = 1

    package init() {}
  }

  /// A row that cannot be read.
  package struct Reject: Sendable {
    package let line: Int
    package let reason: String
    package let bytes: [UInt8]
  }

  /// What one block of rows gives.
  package struct Part<Output: Sendable>: Sendable {
    package internal(set) var output: Output
    package internal(set) var rejects: [Reject] = []
    package internal(set) var report = MatchingReport()
    /// Index of the file.
    package let source: Int
    /// Where the block ends.
    package let end: Place
    /// The share of all files' bytes that has been read, in [0, 1].
    package let fraction: Double
  }

  private struct Block: Sendable {
    let piece: RecordReader.Piece
    let source: Int
    let end: Place
    let fraction: Double
  }

  package let paths: [String]
  private let labels: LabelList
  private let names: MetadataNames
  private let scanners: [RowScanner]
  private let sizes: [Int]

  /// - Throws: `manifest` for a file of another format, one that cannot be read, and one without the columns wanted.
  package init(_ labels: LabelList, names: MetadataNames = .init(), paths: [String]) throws(CorpusError) {
    (self.labels, self.names, self.paths) = (labels, names, paths)
    var scanners: [RowScanner] = []
    var sizes: [Int] = []
    for path in paths {
      guard let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int else {
        throw CorpusError(.manifest, "\(path): cannot be read; is it there?")
      }
      sizes.append(size)
      scanners.append(try RowScanner(path: path, names: names))
    }
    (self.scanners, self.sizes) = (scanners, sizes)
  }

  /// - Parameters:
  ///   - place: where to begin: the end of a part of an earlier pass over the same files.
  ///   - workers: threads that match.
  ///   - empty: what a block's output is before its first row.
  ///   - encode: adds a row with labels, of a file and line, to a block's output; called on the threads.
  ///   - consume: gets the parts in order, on this thread.
  /// - Throws: `manifest` for what cannot be read or decompressed.
  package func run<Output: Sendable>(
    from place: Place = Place(), workers: Int = ProcessInfo.processInfo.activeProcessorCount, empty: Output,
    encode: @escaping @Sendable (MatchedRow, _ source: Int, _ line: Int, inout Output) -> Void,
    consume: (Part<Output>) throws -> Void
  ) throws(CorpusError) {
    var place = place
    var reader: RecordReader?
    do {
      try OrderedCrew<Block, Part<Output>>.run(workers: workers) {
        try next(&place, &reader)
      } worker: {
        var matcher = MetadataMatcher(labels, names: names)
        return { block in match(block, &matcher, empty, encode) }
      } consume: { part in
        try consume(part)
      }
    } catch {
      throw error as? CorpusError ?? CorpusError(.manifest, "\(error)")
    }
  }

  /// - Throws: `manifest` if `path` is one of the files to read, which what is written there would replace.
  package func requireOther(_ path: String) throws(CorpusError) {
    let written = FilePlace(path)
    guard let source = paths.first(where: { FilePlace($0) == written }) else { return }
    throw CorpusError(.manifest, "\(path): is the same file as \(source), which is read; write to another")
  }

  /// The error of a pass without a row to keep.
  func nothing(of rows: Int, _ reason: String = "no row carries a label") -> CorpusError {
    CorpusError(.empty, "\(paths[0]): of \(rows) rows \(reason)")
  }

  private func next(_ place: inout Place, _ reader: inout RecordReader?) throws(CorpusError) -> Block? {
    while place.source < paths.count {
      let scanner = scanners[place.source]
      let open =
        if let reader { reader } else {
          try RecordReader(
            path: paths[place.source], scanner.recordEnds, from: place.offset, line: place.line)
        }
      reader = open
      let source = place.source
      if let piece = try open.nextPiece() {
        (place.offset, place.line) = (open.offset, open.line)
        let read = sizes[..<source].reduce(0, +) + open.filePosition
        return Block(
          piece: piece, source: source, end: place,
          fraction: min(Double(read) / Double(max(sizes.reduce(0, +), 1)), 1))
      }
      reader = nil
      place = Place()
      place.source = source + 1
    }
    return nil
  }

  private func match<Output>(
    _ block: Block, _ matcher: inout MetadataMatcher, _ empty: Output,
    _ encode: (MatchedRow, _ source: Int, _ line: Int, inout Output) -> Void
  ) -> Part<Output> {
    var part = Part(output: empty, source: block.source, end: block.end, fraction: block.fraction)
    let scanner = scanners[block.source]
    let records: RecordBlock
    switch block.piece {
    case .records(let block): records = block
    case .longLine(let line, let bytes):
      (part.report.rows, part.report.rejected) = (1, 1)
      part.rejects.append(Reject(line: line, reason: "a line of more than 16 MiB", bytes: bytes))
      return part
    }
    var isHeader = scanner.hasHeader && records.firstLine == 1
    records.forEachRecord { line, row in
      if isHeader || row.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) {
        isHeader = false
        return
      }
      part.report.rows += 1
      do throws(MetadataMistake) {
        guard let found = try matcher.match(row, scanner) else { return }
        part.report.matched += 1
        encode(found, block.source, line, &part.output)
      } catch {
        part.report.rejected += 1
        part.rejects.append(Reject(line: line, reason: error.message, bytes: Array(row)))
      }
    }
    return part
  }
}
