import Files
import Glibc
import Networks
import Pipeline
import Testing

@Suite struct RoomOnDiskTests {
  private let full = FileError("write", "file", number: ENOSPC)

  @Test func aFullDiskIsTriedAgainEveryHalfSecond() {
    var room = RoomOnDisk()
    #expect(!room.isFull(now: 10))
    #expect(room.failed(full, now: 10) == .wait(isFirst: true, seconds: 0))
    #expect(room.isFull(now: 10.4))
    #expect(!room.isFull(now: 10.6))
    #expect(room.failed(full, now: 11) == .wait(isFirst: false, seconds: 1))
    #expect(room.succeeded(now: 13) == 3)
    #expect(room.succeeded(now: 13) == nil)
    #expect(room.failed(full, now: 20) == .wait(isFirst: true, seconds: 0))
  }

  @Test func othersErrorsAreNotWaitedFor() {
    var room = RoomOnDisk()
    let wrapped = NetworkError(.invalidFile, "", underlying: full)
    #expect(room.failed(FileError("write", "file", number: EACCES), now: 0) == .giveUp)
    #expect(room.failed(PipelineError(.ledger, ""), now: 0) == .giveUp)
    #expect(room.failed(wrapped, now: 0) == .wait(isFirst: true, seconds: 0))
    #expect(room.failed(PipelineError(.diskFull, ""), now: 1) == .wait(isFirst: false, seconds: 1))
  }
}
