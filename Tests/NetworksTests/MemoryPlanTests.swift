import Networks
import Testing

@Suite("Memory plan")
struct MemoryPlanTests {
  private struct Buffer {
    let slot: MemoryPlan.Slot
    let elements: Int
    let birth: Int
    var death: Int
  }

  /// A computation of 60 steps that reserves, uses and forgets buffers at random.
  private func makePlan(seed: UInt64) -> (plan: MemoryPlan, buffers: [Buffer]) {
    var noise = SplitMix(state: seed)
    var plan = MemoryPlan()
    var buffers: [Buffer] = []
    for time in 0..<60 {
      for _ in 0..<noise.next() % 4 {
        let elements = 1 + Int(noise.next() % 9000)
        buffers.append(Buffer(slot: plan.reserve(elements), elements: elements, birth: time, death: time))
      }
      for index in buffers.indices where time - buffers[index].death <= 3 && noise.uniform() < 0.4 {
        plan.use(buffers[index].slot)
        buffers[index].death = time
      }
      plan.advance()
    }
    plan.place()
    return (plan, buffers)
  }

  @Test("buffers that live at the same time never share an element", arguments: 1...20)
  func overlap(seed: UInt64) {
    let (plan, buffers) = makePlan(seed: seed)
    #expect(buffers.count > 40)
    for (index, one) in buffers.enumerated() {
      let start = plan.offset(of: one.slot)
      #expect(start >= 0 && start % MemoryPlan.alignment == 0 && start + one.elements <= plan.count)
      for other in buffers[..<index] where one.birth <= other.death && other.birth <= one.death {
        let otherStart = plan.offset(of: other.slot)
        #expect(start + one.elements <= otherStart || otherStart + other.elements <= start)
      }
    }
  }

  @Test("the arena holds the most that lives at once, and little more", arguments: 1...20)
  func size(seed: UInt64) {
    let (plan, buffers) = makePlan(seed: seed)
    func rounded(_ elements: Int) -> Int {
      (elements + MemoryPlan.alignment - 1) / MemoryPlan.alignment * MemoryPlan.alignment
    }
    let most = (0..<60).map { time in
      buffers.filter { $0.birth <= time && time <= $0.death }.reduce(0) { $0 + rounded($1.elements) }
    }.max()!
    #expect(plan.count >= most)
    #expect(Double(plan.count) <= 1.5 * Double(most))
  }

  @Test("the same steps give the same places")
  func repeatable() {
    let (one, buffers) = makePlan(seed: 5)
    let (two, others) = makePlan(seed: 5)
    #expect(zip(buffers, others).allSatisfy { one.offset(of: $0.slot) == two.offset(of: $1.slot) })
  }

  @Test("an empty plan takes no memory")
  func empty() {
    var plan = MemoryPlan()
    plan.place()
    #expect(plan.count == 0)
  }
}
