import Pipeline
import Tensors
import Testing
import ZeroMQ

/// Who trains goes on as soon as what it reads is here.
@Suite struct IncomingVectorTests {
  private let map = BlockMap(elements: 3 * BlockMap.blockElements - 5, shards: 1)
  private let vector: IncomingVector

  init() { vector = IncomingVector(map: map, buffer: AlignedBuffer(byteCount: map.elements * 4)) }

  /// Waits on another thread.
  private func waited(upTo element: Int) -> AsyncStream<Void> {
    let (stream, end) = AsyncStream.makeStream(of: Void.self)
    let work = WorkThread(name: "reader")
    work.submit { [vector] in
      vector.wait(upTo: element)
      end.finish()
      work.stop()
    }
    return stream
  }

  @Test func beginsWithTheFirstBlock() {
    vector.arrived(2)
    #expect(!vector.canBegin && vector.blocksLeft == [0, 1])
    vector.arrived(0)
    #expect(vector.canBegin && !vector.isWhole)
    vector.wait(upTo: BlockMap.blockElements)
    vector.wait(upTo: 0)
    vector.arrived(1)
    #expect(vector.isWhole)
    vector.wait(upTo: map.elements)
  }

  @Test(.timeLimit(.minutes(1))) func waitsForTheRest() async {
    vector.arrived(0)
    let stream = waited(upTo: BlockMap.blockElements + 1)
    #expect(!vector.isWhole)
    vector.arrived(1)
    for await _ in stream {}
  }

  @Test(.timeLimit(.minutes(1))) func nobodyWaitsForWhatIsAbandoned() async {
    let stream = waited(upTo: map.elements)
    vector.abandon()
    for await _ in stream {}
    #expect(!vector.isWhole)
  }
}
