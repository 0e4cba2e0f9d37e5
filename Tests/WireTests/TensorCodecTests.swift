import Tensors
import Testing
import Wire

@Suite struct TensorCodecTests {
  private func decode(
    _ descriptor: TensorDescriptor, _ payload: [UInt8], seed: UInt64 = 7, maximumByteCount: Int = 1 << 30
  ) throws(WireError) -> [UInt8] {
    let exact = AlignedBuffer(byteCount: payload.count)
    exact.bytes.copyBytes(from: payload)
    return Array(
      try TensorCodec.decode(
        descriptor, payload: UnsafeRawBufferPointer(exact.bytes), seed: seed, maximumByteCount: maximumByteCount))
  }

  private func encode(
    _ buffer: AlignedBuffer, _ dimensions: [Int], _ compression: Compression, elementType: ElementType = .uint8,
    layout: TensorLayout = .flat
  ) -> (descriptor: TensorDescriptor, payload: [UInt8]) {
    let (descriptor, payload, count) = TensorCodec.encode(
      buffer, elementType: elementType, layout: layout, dimensions: dimensions, compression: compression, seed: 7)
    return (descriptor, Array(Array(payload).prefix(count)))
  }

  @Test(arguments: ElementType.allCases, Compression.allCases)
  func tensorsComeBack(elementType: ElementType, compression: Compression) throws {
    for (dimensions, layout) in [
      ([1], TensorLayout.flat), ([3, 5, 7, 3], .thwc), ([2, 3, 8, 8, 3], .nthwc), ([4, 6, 6], .planarYUV420),
      ([1, 1, 1, 1, 1, 1, 1, 9], .flat),
    ] {
      for isCompressible in [true, false] {
        let count = dimensions.reduce(elementType.byteCount, *)
        let buffer = makeBuffer(byteCount: count, isCompressible: isCompressible)
        let (descriptor, payload) = encode(buffer, dimensions, compression, elementType: elementType, layout: layout)
        #expect(try decoded(TensorDescriptor.self, encoded(descriptor)) == descriptor)
        #expect(descriptor.byteCount == count)
        #expect(payload.count == descriptor.storedByteCount)
        if compression == .none { #expect(descriptor.compression == .none) }
        #expect(try decode(descriptor, payload) == Array(buffer))
      }
    }
  }

  @Test func compressionIsKeptOnlyWhereItShrinks() {
    let noise = makeBuffer(byteCount: 10_000, isCompressible: false)
    let (plain, payload, count) = TensorCodec.encode(
      noise, elementType: .uint8, layout: .flat, dimensions: [10_000], compression: .lz4, seed: 0)
    #expect(plain.compression == .none)
    #expect(payload === noise)
    #expect(count == 10_000)
    let (packed, bytes) = encode(makeBuffer(byteCount: 10_000, isCompressible: true), [10_000], .lz4)
    #expect(packed.compression == .lz4)
    #expect(bytes.count < 5000)
  }

  @Test func aLargeTensorThatShrinksLittleGoesAsItIs() {
    let count = 600_000  // large enough for a probe
    for (noisyShare, compression) in [(0.6, Compression.lz4), (0.85, .none)] {
      // Runs of noise and of zeros, 1000 bytes together.
      let buffer = makeBuffer(byteCount: count, isCompressible: false)
      for start in stride(from: 0, to: count, by: 1000) {
        for index in start + Int(noisyShare * 1000)..<start + 1000 { buffer.bytes[index] = 0 }
      }
      let (descriptor, payload) = encode(buffer, [count], .lz4)
      #expect(descriptor.compression == compression)
      #expect(compression == .none ? payload == Array(buffer) : payload.count < count * 3 / 4)
    }
  }

  @Test func onlyAPlaceOfItsSizeTakesATensor() throws {
    let buffer = makeBuffer(byteCount: 600, isCompressible: true)
    for compression in Compression.allCases {
      let (descriptor, payload) = encode(buffer, [600], compression)
      for (count, expected) in [(600, nil), (599, WireError.Code.tooLarge), (601, .shape)] {
        let place = AlignedBuffer(byteCount: count)
        place.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        let found = payload.withUnsafeBytes { bytes in
          code { () throws(WireError) in try TensorCodec.decode(descriptor, payload: bytes, seed: 7, into: place.bytes)
          }
        }
        #expect(found == expected)
        #expect(Array(place) == (expected == nil ? Array(buffer) : [UInt8](repeating: 0, count: count)))
      }
      for (seed, limit, expected) in [(7, 600, nil), (8, 600, WireError.Code.checksum), (7, 599, .tooLarge)] {
        let found = payload.withUnsafeBytes { bytes in
          code { () throws(WireError) in
            try TensorCodec.verify(descriptor, payload: bytes, seed: UInt64(seed), maximumByteCount: limit)
          }
        }
        #expect(found == expected)
      }
    }
  }

  @Test func theChecksumIsSeeded() {
    let buffer = makeBuffer(byteCount: 1000, isCompressible: true)
    for compression in Compression.allCases {
      let (descriptor, payload) = encode(buffer, [1000], compression)
      #expect(code { () throws(WireError) in _ = try decode(descriptor, payload, seed: 8) } == .checksum)
    }
  }

  @Test(arguments: Compression.allCases)
  func everyTruncationAndExtensionIsAnError(compression: Compression) {
    let (descriptor, payload) = encode(makeBuffer(byteCount: 600, isCompressible: true), [600], compression)
    for count in 0..<payload.count {
      #expect(code { () throws(WireError) in _ = try decode(descriptor, Array(payload[..<count])) } == .short)
      // The same with a descriptor that goes along with it.
      var lying = descriptor
      lying.storedByteCount = count
      let found = code { () throws(WireError) in _ = try decode(lying, Array(payload[..<count])) }
      #expect(found == (compression == .none ? .shape : .compression))
    }
    #expect(code { () throws(WireError) in _ = try decode(descriptor, payload + [0]) } == .trailing)
    let bytes = encoded(descriptor)
    for count in 0..<bytes.count {
      #expect(code { () throws(WireError) in _ = try decoded(TensorDescriptor.self, Array(bytes[..<count])) } == .short)
    }
    #expect(code { () throws(WireError) in _ = try decoded(TensorDescriptor.self, bytes + [0]) } == .trailing)
  }

  @Test(arguments: Compression.allCases)
  func everyDamagedPayloadByteIsFoundOrHarmless(compression: Compression) throws {
    let buffer = makeBuffer(byteCount: 1500, isCompressible: true)
    let (descriptor, payload) = encode(buffer, [1500], compression)
    #expect(descriptor.compression == compression)
    var numFound = 0
    for index in payload.indices {
      for flip: UInt8 in [0x01, 0x10, 0xFF] {
        var damaged = payload
        damaged[index] ^= flip
        do throws(WireError) {
          // An LZ4 match may move to where the same bytes are; nothing else may pass.
          #expect(try decode(descriptor, damaged) == Array(buffer))
          #expect(compression == .lz4)
        } catch {
          #expect([.compression, .checksum].contains(error.code))
          numFound += 1
        }
      }
    }
    #expect(numFound > payload.count * (compression == .lz4 ? 2 : 3) - 1)
  }

  @Test(arguments: [
    [0], [-1], [600, 0], [1 << 31 + 1], [Int.max], [1, 1, 1, 1, 1, 1, 1, 1, 600], [], [599], [601],
  ])
  func lyingDimensionsAreErrors(dimensions: [Int]) {
    for compression in Compression.allCases {
      var (descriptor, payload) = encode(makeBuffer(byteCount: 600, isCompressible: true), [600], compression)
      descriptor.dimensions = dimensions
      let found = code { () throws(WireError) in _ = try decode(descriptor, payload) }
      #expect(compression == .lz4 && [[599], [601]].contains(dimensions) ? found == .compression : found == .shape)
      payload = []
    }
  }

  @Test func hugeAndOverflowingTensorsAllocateNothing() {
    let (descriptor, payload) = encode(makeBuffer(byteCount: 600, isCompressible: true), [600], .lz4)
    var lying = descriptor
    lying.dimensions = [1 << 31, 1 << 31, 1 << 31]
    #expect(lying.byteCount == nil)
    #expect(code { () throws(WireError) in _ = try decode(lying, payload) } == .tooLarge)
    #expect(code { () throws(WireError) in _ = try decoded(TensorDescriptor.self, encoded(lying)) } == .tooLarge)
    lying.dimensions = [1 << 31, 1 << 31]
    #expect(code { () throws(WireError) in _ = try decode(lying, payload) } == .tooLarge)
    #expect(code { () throws(WireError) in _ = try decode(lying, payload, maximumByteCount: .max) } == .tooLarge)
    // Fits the limit, but no LZ4 block of this length can hold it.
    lying.dimensions = [1 << 29]
    #expect(code { () throws(WireError) in _ = try decode(lying, payload) } == .compression)
    #expect(code { () throws(WireError) in _ = try decode(descriptor, payload, maximumByteCount: 599) } == .tooLarge)
    lying = descriptor
    lying.storedByteCount = .max
    #expect(code { () throws(WireError) in _ = try decode(lying, payload) } == .compression)
    lying.storedByteCount = -1
    #expect(code { () throws(WireError) in _ = try decode(lying, payload) } == .compression)
  }

  @Test func fieldsOfDescriptorsAreChecked() {
    let (descriptor, _) = encode(makeBuffer(byteCount: 24, isCompressible: false), [24], .none)
    let bytes = encoded(descriptor)
    #expect(bytes.count == 24)
    for (index, value, expected): (Int, UInt8, WireError.Code) in [
      (0, 0, .value), (0, 6, .value), (1, 0, .value), (1, 5, .value), (2, 2, .value), (3, 0, .shape), (3, 9, .shape),
      (3, 255, .shape), (4, 0, .shape), (8, 25, .shape), (15, 0x80, .tooLarge), (1, 1, .shape), (1, 2, .shape),
      (3, 2, .short), (7, 0x90, .shape),
    ] {
      var damaged = bytes
      damaged[index] = value
      #expect(code { () throws(WireError) in _ = try decoded(TensorDescriptor.self, damaged) } == expected)
    }
  }
}
