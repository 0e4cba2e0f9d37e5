import Files
import Foundation

/// `metrics.jsonl`. Lines that find no room on the disk, or while too many files are open, are kept and written with the next one.
final class MetricsLog {
  private let path: String
  private var unwritten = Data()

  init(path: String) { self.path = path }

  /// - Throws: when the file cannot be written for a reason that does not pass.
  func append(_ line: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    unwritten += try encoder.encode(line)
    unwritten.append(UInt8(ascii: "\n"))
    do throws(FileError) {
      try flush()
    } catch {
      guard error.isDiskFull || error.isOutOfFiles else { throw error }
    }
  }

  /// Writes what has been kept.
  func flush() throws(FileError) {
    guard !unwritten.isEmpty else { return }
    try OutputFile.append(unwritten, to: path)
    unwritten = Data()
  }
}
