import Tensors
import Testing
import Wire

/// A whole message (envelope whose body is a tensor descriptor, then the payload) under thousands of seeded mutations:
/// each gives the tensor that was sent, or an error with its reason.
@Suite struct FuzzTests {
  private static let original = makeBuffer(byteCount: 2000, isCompressible: true)

  private func message(_ compression: Compression) -> (envelope: [UInt8], payload: [UInt8]) {
    let (descriptor, payload, count) = TensorCodec.encode(
      Self.original, elementType: .float32, layout: .flat, dimensions: [20, 25], compression: compression, seed: 11)
    let envelope = Envelope(kind: 2, run: 1, incarnation: 1, body: encoded(descriptor)).encoded()
    return (envelope, Array(Array(payload).prefix(count)))
  }

  private func receive(descriptor body: [UInt8], payload: [UInt8]) throws(WireError) -> [UInt8] {
    let descriptor = try decoded(TensorDescriptor.self, body)
    let exact = AlignedBuffer(byteCount: payload.count)
    exact.bytes.copyBytes(from: payload)
    return Array(
      try TensorCodec.decode(
        descriptor, payload: UnsafeRawBufferPointer(exact.bytes), seed: 11, maximumByteCount: 1 << 20))
  }

  private func receive(_ envelope: [UInt8], _ payload: [UInt8]) throws(WireError) -> [UInt8] {
    let exact = AlignedBuffer(byteCount: envelope.count)
    exact.bytes.copyBytes(from: envelope)
    let body = try Envelope.decode(UnsafeRawBufferPointer(exact.bytes)).body
    return try receive(descriptor: body, payload: payload)
  }

  private func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
    for _ in 0...generator.next() % 3 {
      let index = Int(generator.next() % UInt64(bytes.count + 1))
      switch generator.next() % 5 {
      case 0 where index < bytes.count: bytes[index] ^= 1 << (generator.next() % 8)
      case 1 where index < bytes.count: bytes[index] = [0, 1, 0x7F, 0x80, 0xFF][Int(generator.next() % 5)]
      case 2: bytes.removeSubrange(index...)
      case 3: bytes.insert(UInt8(truncatingIfNeeded: generator.next()), at: index)
      default: bytes.append(contentsOf: bytes.prefix(index))
      }
    }
  }

  @Test(arguments: Compression.allCases)
  func mutatedMessagesAreRefused(compression: Compression) {
    var generator = SeededGenerator(seed: 2026)
    let sent = message(compression)
    var numRefused = 0
    for _ in 0..<5000 {
      var (envelope, payload) = sent
      if generator.next() % 2 == 0 { mutate(&envelope, &generator) } else { mutate(&payload, &generator) }
      do throws(WireError) {
        #expect(try receive(envelope, payload) == Array(Self.original))
      } catch {
        #expect(!error.message.isEmpty)
        numRefused += 1
      }
    }
    #expect(numRefused > 4000)
    #expect(throws: Never.self) { try receive(sent.envelope, sent.payload) }
  }

  /// Descriptors with a valid envelope around them, as from a hostile peer.
  @Test(arguments: Compression.allCases)
  func mutatedDescriptorsAreRefused(compression: Compression) throws {
    var generator = SeededGenerator(seed: 7)
    let (envelope, payload) = message(compression)
    let body = try envelope.withUnsafeBytes { try Envelope.decode($0) }.body
    var numRefused = 0
    for _ in 0..<5000 {
      var (body, payload) = (body, payload)
      mutate(&body, &generator)
      if generator.next() % 4 == 0 { mutate(&payload, &generator) }
      do throws(WireError) {
        let tensor = try receive(descriptor: body, payload: payload)
        #expect(tensor == Array(Self.original))
      } catch {
        numRefused += 1
      }
    }
    #expect(numRefused > 3500)
  }

  /// Bytes without any sense.
  @Test func noise() {
    var generator = SeededGenerator(seed: 99)
    for _ in 0..<5000 {
      var bytes = (0..<generator.next() % 200).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      if generator.next() % 2 == 0 { bytes = Envelope.magic + [1, 0] + bytes }
      #expect(code { () throws(WireError) in _ = try receive(bytes, []) } != nil)
      #expect(
        code { () throws(WireError) in _ = try decoded([String?].self, bytes) } != nil
          || bytes.prefix(4) == [0, 0, 0, 0])
    }
  }
}
