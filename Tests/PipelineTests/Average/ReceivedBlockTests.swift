import Glibc
import Pipeline
import Tensors
import Testing
import Wire
import ZeroMQ

/// A block that lies in another process's memory is as good as one that comes in a message.
@Suite struct ReceivedBlockTests {
  private let values = AlignedBuffer(byteCount: 300_000 * 4)
  private let target = AlignedBuffer(byteCount: 300_000 * 4)

  init() {
    for index in 0..<300_000 { values.elements(Float.self)[index] = Float(index % 1009) / 1009 }
    target.bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  private func descriptor(_ buffer: AlignedBuffer, _ type: ElementType = .float32) -> TensorDescriptor {
    TensorDescriptor(
      elementType: type, layout: .flat, dimensions: [300_000], compression: .none,
      storedByteCount: buffer.byteCount, checksum: TensorCodec.checksum(UnsafeRawBufferPointer(buffer.bytes), seed: 0))
  }

  private func memory(_ buffer: AlignedBuffer) -> ReceivedBlock {
    .memory(process: getpid(), address: UInt64(UInt(bitPattern: buffer.bytes.baseAddress)))
  }

  private func copy(_ block: ReceivedBlock, _ tensor: TensorDescriptor, isRounded: Bool = false)
    -> ReceivedBlock.Outcome
  {
    var pool = BufferPool()
    return block.copy(tensor, isRounded: isRounded, into: target.bytes, pool: &pool)
  }

  private func isSame(_ other: AlignedBuffer) -> Bool { target.bytes.elementsEqual(other.bytes) }

  @Test func isReadWhereItIs() {
    #expect(copy(memory(values), descriptor(values)) == .whole)
    #expect(isSame(values))
  }

  @Test func isReadFromAPart() {
    let part = MessagePart(values, count: values.byteCount)
    #expect(copy(.part(part, isTrusted: false), descriptor(values)) == .whole)
    #expect(isSame(values))
  }

  @Test func isWidened() {
    let rounded = AlignedBuffer(byteCount: 300_000 * 2)
    BFloat16.round(
      UnsafeBufferPointer(values.elements(Float.self)), to: rounded.elements(UInt16.self).baseAddress!)
    let wide = AlignedBuffer(byteCount: values.byteCount)
    BFloat16.widen(UnsafeRawBufferPointer(rounded.bytes), to: wide.elements(Float.self).baseAddress!)
    #expect(copy(memory(rounded), descriptor(rounded, .bfloat16), isRounded: true) == .whole)
    #expect(isSame(wide))
    #expect(copy(memory(rounded), descriptor(rounded, .bfloat16)) == .damaged)
  }

  @Test func isNotTakenWhenItHasChanged() {
    let tensor = descriptor(values)
    values.elements(Float.self)[299_999] = 7
    #expect(copy(memory(values), tensor) == .unreadable, "it is asked for as a part then")
    #expect(copy(.part(MessagePart(values, count: values.byteCount), isTrusted: false), tensor) == .damaged)
  }

  @Test func cannotBeReadWhereNothingIs() {
    #expect(copy(.memory(process: getpid(), address: 0), descriptor(values)) == .unreadable)
    // No process has this number: it is above the kernel's limit.
    #expect(copy(.memory(process: .max, address: 4096), descriptor(values)) == .unreadable)
  }
}
