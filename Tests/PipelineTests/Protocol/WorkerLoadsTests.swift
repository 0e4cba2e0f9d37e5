import Pipeline
import Testing

@Suite struct WorkerLoadsTests {
  private func loads(_ names: String...) -> WorkerLoads {
    var loads = WorkerLoads()
    for name in names { loads.join(name) }
    return loads
  }

  @Test func theLeastLoadedIsTakenByNameAmongEquals() {
    var loads = loads("c", "a", "b")
    #expect(loads.least() == "a")
    loads.add(2, to: "a")
    #expect(loads.least() == "b" && loads["a"] == 2 && loads["b"] == 0)
    loads.add(1, to: "b")
    #expect(loads.least() == "c")
    loads.add(1, to: "c")
    #expect(loads.least() == "b" && loads.least(below: 1) == nil)
    loads.add(-2, to: "a")
    #expect(loads.least(below: 1) == "a")
  }

  @Test func workersComeAndGo() {
    var loads = loads("a", "b")
    loads.add(3, to: "b")
    loads.join("b")
    #expect(loads["b"] == 3, "who is there keeps what it holds")
    loads.leave("a")
    #expect(loads["a"] == nil && loads["b"] == 3 && loads.least() == "b")
    loads.add(1, to: "a")
    #expect(loads["a"] == nil, "who has left holds nothing")
    loads.join("a")
    #expect(loads["a"] == 0 && loads.least() == "a")
    loads.leave("a")
    loads.leave("b")
    #expect(loads.least() == nil)
  }

  @Test func lateOnesComeLastAndAvoidedOnesOnlyIfThereAreNoOthers() {
    var loads = loads("a", "b", "c")
    loads.add(3, to: "c")
    #expect(loads.least(late: ["a", "b"]) == "c")
    #expect(loads.least(late: ["a", "b"], below: 2) == "a")
    #expect(loads.least(late: ["a"], avoided: ["b"]) == "c")
    #expect(loads.least(avoided: ["a", "b"], below: 2) == nil, "another one is there, though it has no room")
    #expect(loads.least(avoided: ["a", "b", "c"]) == "a")
  }
}
