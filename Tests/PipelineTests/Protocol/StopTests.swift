import Pipeline
import Testing

/// A run that is asked to stop ends soon, whatever it is at.
@Suite struct StopTests {
  private func machine(committed: Int) -> RunMachine {
    var settings = RunMachine.Settings(replicas: 1, batch: 1, inFlightRounds: 1, shards: 1, finalVersion: 4)
    settings.evaluation = (videos: 3, clips: 2)
    settings.evaluateEvery = 2
    var machine = RunMachine(settings: settings)
    machine.start(from: committed, attempts: [], evaluations: committed == 4 ? [4] : [])
    return machine
  }

  @Test func theLastEvaluationIsLeftToTheNext() {
    var machine = machine(committed: 4)
    #expect(!machine.isFinished)
    machine.stopEarly()
    #expect(machine.isFinished)
    #expect(machine.stopAt == 4)
    #expect(machine.evaluations.map(\.version) == [4], "it is still due")
  }

  @Test func theOpenStepIsFinished() {
    var machine = machine(committed: 1)
    machine.stopEarly()
    #expect(!machine.isFinished && machine.stopAt == 2)
  }
}
