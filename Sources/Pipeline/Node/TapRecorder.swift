import ZeroMQ
import Files
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
    var layout: String?
  }

  private let directory: String?

  /// - Parameter directory: made if it is not there; nil only prints.
  package init(directory: String?) throws {
    self.directory = directory
    guard let directory else { return }
    try Directory.make(directory)
    // Whether it can be written is said before anything is waited for.
    try OutputFile.append([], to: headersPath(directory))
  }

  /// - Returns: the header as a line of JSON.
  package func record(_ item: RunClient.TapItem) throws -> String {
    let line = String(decoding: item.header, as: UTF8.self)
    guard let directory else { return line }
    try OutputFile.append((line + "\n").utf8, to: headersPath(directory))
    let header = try JSONDecoder().decode(Header.self, from: Data(item.header))
    guard let shape = header.shape, let payload = item.payload, payload.byteCount == shape.reduce(1, *),
      let format = PixelFormat.allCases.first(where: { "\($0.layout)" == header.layout }),
      let size = format.size(of: shape)
    else { return line }
    let clip = FrameTensor(frames: size.frames, height: size.height, width: size.width, format: format)
    payload.withUnsafeBytes { clip.buffer.bytes.copyMemory(from: $0) }
    let sheet = ContactSheet.compose(clips: [clip.rgb()])
    defer { withExtendedLifetime(sheet.rgb) {} }
    let png = try PNG.encode(rgb: UnsafeRawBufferPointer(sheet.rgb.bytes), width: sheet.width, height: sheet.height)
    let place = "\(header.kind)-\(header.step)-\(header.replica)-\(header.slot)"
    try OutputFile.write(png, to: "\(directory)/\(header.stage)-\(place).png")
    return line
  }

  private func headersPath(_ directory: String) -> String { "\(directory)/headers.jsonl" }
}
