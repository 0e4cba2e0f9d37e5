import Synchronization
import Tensors
import Testing

@Suite("WorkerPool")
struct WorkerPoolTests {
  @Test("runs every task once, with workers in range", arguments: [1, 2, 5])
  func everyTaskOnce(threads: Int) {
    let pool = WorkerPool(threads: threads)
    for count in [0, 1, 2, 1000] {
      let runs = Mutex([Int](repeating: 0, count: count))
      pool.run(count) { task, worker in
        #expect((0..<threads).contains(worker))
        runs.withLock { $0[task] += 1 }
      }
      #expect(runs.withLock { $0 }.allSatisfy { $0 == 1 })
    }
  }

  @Test("blocks cover the range in order, the last one shorter")
  func blocks() {
    let ranges = Mutex<[Range<Int>]>([])
    WorkerPool(threads: 1).runBlocks(of: 4, in: 10) { range, _ in ranges.withLock { $0.append(range) } }
    #expect(ranges.withLock { $0 } == [0..<4, 4..<8, 8..<10])
  }
}
