import ZeroMQ
import Foundation
import Tensors
import Video

/// Writes what a tap shows: a line of JSON for each item, and a contact sheet for those that carry frames.
package final class TapRecorder {
  private struct Header: Decodable {
    var stage: String
    var sequence: Int
    var kind: String
    var step: Int
    var replica: Int
    var slot: Int
    var shape: [Int]?
  }

  private let directory: String?
  private let headers: FileHandle?

  /// - Parameter directory: made if it is not there; nil only prints.
  package init(directory: String?) throws {
    self.directory = directory
    guard let directory else {
      headers = nil
      return
    }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let path = "\(directory)/headers.jsonl"
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    headers = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try headers!.seekToEnd()
  }

  /// - Returns: the header as a line of JSON.
  package func record(_ item: RunClient.TapItem) throws -> String {
    let line = String(decoding: item.header, as: UTF8.self)
    guard let directory else { return line }
    try headers!.write(contentsOf: Data((line + "\n").utf8))
    let header = try JSONDecoder().decode(Header.self, from: Data(item.header))
    guard let shape = header.shape, shape.count == 4, shape[3] == 3, let payload = item.payload,
      payload.byteCount == shape.reduce(1, *)
    else { return line }
    let buffer = AlignedBuffer(byteCount: payload.byteCount)
    payload.withUnsafeBytes { buffer.bytes.copyMemory(from: $0) }
    let clip = FrameTensor(buffer: buffer, frames: shape[0], height: shape[1], width: shape[2])
    let sheet = ContactSheet.compose(clips: [clip])
    defer { withExtendedLifetime(sheet.rgb) {} }
    let png = try PNG.encode(rgb: UnsafeRawBufferPointer(sheet.rgb.bytes), width: sheet.width, height: sheet.height)
    let place = "\(header.kind)-\(header.step)-\(header.replica)-\(header.slot)"
    try Data(png).write(to: URL(fileURLWithPath: "\(directory)/\(header.stage)-\(place).png"))
    return line
  }
}
