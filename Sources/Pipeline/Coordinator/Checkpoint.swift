import Crypto
package import Files
import Foundation
import Glibc
import Networks
package import Tensors

/// A checkpoint on disk: each shard's blocks at exactly one version, and a manifest with their hashes.
///
/// Written beside as `.step-N.partial`, flushed, then renamed: a directory named `step-N` is whole.
package struct Checkpoint: Sendable {
  package struct Manifest: Codable, Sendable, Equatable {
    package struct File: Codable, Sendable, Equatable {
      package var name: String
      package var shard: Int
      package var sha256: String
    }
    package var version: Int
    package var elements: Int
    package var blockElements: Int
    package var files: [File]
    /// What a resume must find unchanged: settings that influence results, corpus and numerics.
    package var settings: [String: String]
    package var corpus: String
    package var numerics: [String: String]
  }

  package let directory: String
  package let manifest: Manifest

  package static func name(_ version: Int) -> String {
    let digits = String(version)
    return "step-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  package static func path(in run: String, version: Int) -> String { "\(run)/checkpoints/\(name(version))" }

  package static func partialPath(in run: String, version: Int) -> String {
    "\(run)/checkpoints/.\(name(version)).partial"
  }

  /// - Throws: `.checkpoint` when the manifest is missing or unreadable.
  package init(directory: String) throws(PipelineError) {
    self.directory = directory
    do {
      manifest = try JSONDecoder().decode(
        Manifest.self, from: Data(contentsOf: URL(fileURLWithPath: "\(directory)/manifest.json")))
    } catch {
      throw PipelineError(.checkpoint, "\(directory)/manifest.json: cannot be read (\(error.localizedDescription))")
    }
    guard manifest.version >= 0, manifest.elements > 0, manifest.blockElements > 0, !manifest.files.isEmpty else {
      throw PipelineError(.checkpoint, "\(directory)/manifest.json: its numbers are not those of a checkpoint")
    }
  }

  /// The whole checkpoints of a run, oldest first; partial ones are not among them, nor those without a readable manifest.
  package static func all(in run: String) -> [Checkpoint] {
    names(in: run).compactMap { try? Checkpoint(directory: "\(run)/checkpoints/\($0)") }
      .sorted { $0.manifest.version < $1.manifest.version }
  }

  private static func names(in run: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(run)/checkpoints")) ?? []
    return names.filter { $0.hasPrefix("step-") }
  }
}

// MARK: - Writing

extension Checkpoint {
  /// One shard's part. Called by the shard.
  /// - Returns: the file's name and SHA-256.
  package static func writeShard(
    run: String, version: Int, shard: Int, shards: Int, parameters: [(block: Int, buffer: AlignedBuffer)],
    momentum: [(block: Int, buffer: AlignedBuffer)]
  ) throws -> (name: String, sha256: String) {
    let directory = partialPath(in: run, version: version)
    try Directory.make(directory)
    let name = "shard-\(shard)-of-\(shards).safetensors"
    let tensors =
      parameters.map { tensor("block.\($0.block).parameters", $0.buffer) }
      + momentum.map { tensor("block.\($0.block).momentum", $0.buffer) }
    try Safetensors.write(tensors, metadata: ["version": String(version)], to: "\(directory)/\(name)")
    return (name, try sha256(ofFile: "\(directory)/\(name)"))
  }

  /// The manifest, and with it the checkpoint. Called by the coordinator once every shard has written.
  package static func finish(run: String, manifest: Manifest) throws {
    let partial = partialPath(in: run, version: manifest.version)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    try OutputFile.replace("\(partial)/manifest.json", with: encoder.encode(manifest))
    let final = path(in: run, version: manifest.version)
    // Of a step that was rolled back: the one that was loaded instead is older and stays.
    retire(final)
    try OutputFile.observe?(.synced, final)
    guard rename(partial, final) == 0 else { throw FileError("make", final, number: errno) }
    try OutputFile.observe?(.renamed, final)
    Directory.synchronize(around: final)
  }

  /// What a failed checkpoint has written; the disk may need the room.
  package static func abandon(run: String, version: Int) {
    try? FileManager.default.removeItem(atPath: partialPath(in: run, version: version))
  }

  /// Removes a directory in a way that never leaves a part of it under its name.
  private static func retire(_ path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let beside = (parts.dropLast() + [".\(parts.last!).retired"]).joined(separator: "/")
    try? FileManager.default.removeItem(atPath: beside)
    guard rename(path, beside) == 0 else { return }
    try? FileManager.default.removeItem(atPath: beside)
  }

  /// Leftovers of checkpoints that were not finished.
  package static func removePartial(in run: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(run)/checkpoints")) ?? []
    for name in names where name.hasPrefix(".step-") {
      try? FileManager.default.removeItem(atPath: "\(run)/checkpoints/\(name)")
    }
  }

  private static func tensor(_ name: String, _ buffer: AlignedBuffer) -> Safetensors.Tensor {
    Safetensors.Tensor(name: name, elementType: .float32, dimensions: [buffer.byteCount / 4], buffer: buffer)
  }
}

// MARK: - Reading

extension Checkpoint {
  package struct Blocks {
    package var parameters: [Int: AlignedBuffer] = [:]
    package var momentum: [Int: AlignedBuffer] = [:]
  }

  /// The blocks of the checkpoint that `wanted` says, checked against the manifest's hashes.
  /// - Throws: `.checkpoint` naming the file that is missing, damaged or of another network.
  package func blocks(elements: Int, where wanted: (Int) -> Bool) throws(PipelineError) -> Blocks {
    guard manifest.elements == elements, manifest.blockElements == BlockMap.blockElements else {
      throw PipelineError(
        .checkpoint, "\(directory): holds \(manifest.elements) elements, the network has \(elements)")
    }
    var blocks = Blocks()
    for file in manifest.files { try read(file, into: &blocks, where: wanted) }
    let map = BlockMap(elements: elements, shards: 1)
    for block in 0..<map.blockCount where wanted(block) {
      let bytes = map.range(of: block).count * 4
      guard blocks.parameters[block]?.byteCount == bytes, blocks.momentum[block]?.byteCount == bytes else {
        throw PipelineError(.checkpoint, "\(directory): block \(block) is missing or has another size")
      }
    }
    return blocks
  }

  private func read(
    _ file: Manifest.File, into blocks: inout Blocks, where wanted: (Int) -> Bool
  ) throws(PipelineError) {
    try checkHash(file)
    let path = "\(directory)/\(file.name)"
    let tensors: [Safetensors.Tensor]
    do {
      tensors = try Safetensors.read(path).tensors
    } catch {
      throw PipelineError(.checkpoint, "\(path): \(error)")
    }
    for tensor in tensors where tensor.elementType == .float32 {
      let parts = tensor.name.split(separator: ".")
      guard parts.count == 3, parts[0] == "block", let block = Int(parts[1]), wanted(block) else { continue }
      if parts[2] == "parameters" { blocks.parameters[block] = tensor.buffer }
      if parts[2] == "momentum" { blocks.momentum[block] = tensor.buffer }
    }
  }

  /// The whole flat vector of parameters and running statistics.
  package func vector(elements: Int) throws(PipelineError) -> AlignedBuffer {
    let blocks = try blocks(elements: elements) { _ in true }
    defer { withExtendedLifetime(blocks) {} }
    let vector = AlignedBuffer(byteCount: elements * 4)
    let map = BlockMap(elements: elements, shards: 1)
    for (block, buffer) in blocks.parameters {
      (vector.bytes.baseAddress! + map.range(of: block).lowerBound * 4)
        .copyMemory(from: buffer.bytes.baseAddress!, byteCount: buffer.byteCount)
    }
    return vector
  }
}

// MARK: - Damage

extension Checkpoint {
  /// What is wrong with its files: one that is missing or whose hash is not the manifest's; nil if they are as written.
  package func damage() -> PipelineError? {
    for file in manifest.files {
      do { try checkHash(file) } catch { return error }
    }
    return nil
  }

  private func checkHash(_ file: Manifest.File) throws(PipelineError) {
    let path = "\(directory)/\(file.name)"
    do {
      guard try sha256(ofFile: path) == file.sha256 else {
        throw PipelineError(.checkpoint, "its SHA-256 is not the manifest's")
      }
    } catch {
      throw PipelineError(.checkpoint, "\(path): \(error)")
    }
  }

  /// Takes a damaged checkpoint from among those that are loaded, and keeps it to be looked at.
  /// - Returns: where it is now.
  package static func putAside(_ directory: String) throws(FileError) -> String {
    let url = URL(fileURLWithPath: directory)
    let aside = url.deletingLastPathComponent().appendingPathComponent("damaged-\(url.lastPathComponent)").path
    try? FileManager.default.removeItem(atPath: aside)
    guard rename(directory, aside) == 0 else { throw FileError("rename", directory, number: errno) }
    Directory.synchronize(around: aside)
    return aside
  }

  /// Puts aside those whose manifest cannot be read.
  /// - Returns: what was wrong with each, and where it is now.
  package static func putUnreadableAside(in run: String) throws -> [(error: PipelineError, aside: String)] {
    try names(in: run).sorted().compactMap { name in
      let directory = "\(run)/checkpoints/\(name)"
      do throws(PipelineError) {
        _ = try Checkpoint(directory: directory)
        return nil
      } catch {
        return (error, try putAside(directory))
      }
    }
  }
}

// MARK: - Files

/// SHA-256 of a file as hexadecimal digits.
func sha256(ofFile path: String) throws -> String {
  let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
  defer { try? handle.close() }
  var hash = SHA256()
  while let chunk = try handle.read(upToCount: 1 << 20), !chunk.isEmpty { hash.update(data: chunk) }
  return hexadecimal(hash.finalize())
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
}

extension Checkpoint {
  /// Takes the checkpoint off the disk.
  package func remove() { Self.retire(directory) }
}
