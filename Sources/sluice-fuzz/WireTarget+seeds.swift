import Foundation
import Tensors
import Video
import Wire

extension WireTarget {
  /// The keys of every control message; a message takes its own and passes over the others.
  private static let control = """
    {"action":"status","assigned":1,"attempt":0,"batch":"b","block":3,"checkpoint":"step-000004","classes":4,
    "consumed":{"count":2,"digest":7},"correct":1,"counters":{"aliveSeconds":1.5,"busySeconds":0.5,"bytesOut":1,"tensorBytesOut":2,
    "duplicatesDropped":0,"items":3,"malformedDropped":0,"residentBytes":9,"staleDropped":0},"counts":{"decode":3},
    "data":{"ipc":"ipc://@a","tcp":"tcp://127.0.0.1:1"},"directory":"/r","error":"e","file":"f",
    "fingerprint":{"description":"d","kind":"decode","value":"v"},
    "group":{"index":1,"kind":0,"step":2},"host":"here",
    "identity":{"host":"here","id":"here/decode/1","processID":5,"processToken":"t","role":"stage","stage":"decode"},
    "isTransient":true,"node":{"counts":{"decode":2},"isSingle":false},"taps":[{"stage":"decode","tap":{},"worker":"w"}],"item":{"attempt":0,"group":{"index":1,"kind":0,"step":2},"slot":0},
    "key":{"attempt":0,"group":{"index":1,"kind":0,"step":2},"slot":0},"loss":0.5,"peers":[],"reason":"r","run":"r",
    "scale":1.0,"scores":[0.5,"nan"],"seconds":0.1,"sha256":"00","shard":0,"shards":1,"signal":11,"squares":[1.0],
    "stage":"decode","step":2,"tap":{},"topology":"name: a","version":2,"workers":["here/decode/1"]}
    """

  static func writeSeeds(to directory: String) throws {
    let tensor = TensorDescriptor(
      elementType: .uint8, layout: .thwc, dimensions: [2, 3, 4, 3], compression: .none, storedByteCount: 72, checksum: 1
    )
    let key = [UInt8](repeating: 0, count: 33)
    var item = ByteWriter()
    item.writeRaw(key)
    item.write("/videos/a.mp4")
    [1, 2].encode(to: &item)
    for value in [10_000, 60, 0, 60, 5, 8, 1, 6] { item.write(value) }
    item.write(1.5)
    Int?.some(40).encode(to: &item)
    for share in [0.25, 0.75] { item.write(share) }
    for flag in [false, true, false] { item.write(flag) }
    var entry = ByteWriter()
    entry.writeRaw(item.bytes)
    for worker in ["here/augment/1", "here/batch/1"] { entry.write(worker) }
    entry.write(1)
    var descriptor = ByteWriter()
    tensor.encode(to: &descriptor)
    let bodies: [(name: String, bytes: [UInt8])] = [
      ("zeros", [UInt8](repeating: 0, count: 96)), ("json", Array(control.utf8)), ("item", item.bytes),
      ("leases", [1, 0, 0, 0] + entry.bytes), ("window", entry.bytes + descriptor.bytes),
      ("tensor", descriptor.bytes + [UInt8](repeating: 1, count: 72)), ("descriptor", descriptor.bytes),
      ("envelope", Array("SLUICE".utf8) + [1, 0, 36, 0] + [UInt8](repeating: 0, count: 22)),
      ("table", Array(try table().dropLast(8))),
    ]
    for (name, bytes) in bodies {
      for decoder in 0..<decoderCount {
        try Data([UInt8(decoder)] + bytes).write(to: URL(fileURLWithPath: "\(directory)/\(name)-\(decoder)"))
      }
    }
  }

  private static func table() throws -> [UInt8] {
    let folder = FileManager.default.temporaryDirectory
    let path = folder.appendingPathComponent("sluice-fuzz-\(UUID().uuidString).mkv").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var options = VideoWriterOptions()
    (options.gop, options.bFrames) = (8, 2)
    let writer = try VideoWriter(path: path, width: 16, height: 16, framesPerSecond: (25, 1), options: options)
    for frame in 0..<20 {
      try [UInt8](repeating: UInt8(frame), count: 768).withUnsafeBytes { try writer.append(rgb: $0) }
    }
    try writer.finish()
    return try VideoProbe.index(path: path).table?.blob ?? []
  }
}
