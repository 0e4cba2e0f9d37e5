import Foundation
import Testing
import Video

struct VideoWriterTests {
  @Test(arguments: ["mp4", "mkv", "avi", "mov", "ts"])
  func sameFramesGiveTheSameBytes(container: String) throws {
    let folder = try TemporaryFolder()
    var files: [Data] = []
    for name in ["a", "b"] {
      let path = folder.path("\(name).\(container)")
      try TestVideo.write(to: path)
      files.append(try Data(contentsOf: URL(fileURLWithPath: path)))
    }
    #expect(files[0].count > 1000)
    #expect(files[0] == files[1])
  }
}
