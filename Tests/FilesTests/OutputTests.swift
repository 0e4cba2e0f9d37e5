import Files
import Foundation
import Testing

/// What cannot be written says where, why and what to do.
@Suite struct OutputTests {
  private let root: String

  init() throws {
    root = FileManager.default.temporaryDirectory.appendingPathComponent("files-\(UUID().uuidString)").path
    try Directory.make(root)
  }

  /// The error's text, nil without one.
  private func failure(_ body: () throws(FileError) -> Void) -> String? {
    do throws(FileError) {
      try body()
      return nil
    } catch {
      return error.description
    }
  }

  @Test func directoriesAreMadeWithTheirParents() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    for path in ["\(root)/a/b/c", "\(root)/a/b/c/", "\(root)/a"] {
      try Directory.make(path)
      #expect(Directory.isThere(path))
    }
  }

  @Test func whatCannotBeMadeSaysWhy() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    try OutputFile.write([1], to: "\(root)/file")
    #expect(
      failure { () throws(FileError) in try Directory.make("\(root)/file/x/y") }
        == "\(root)/file/x/y: cannot make the directory: Not a directory; a part of the path is a file: choose another path"
    )
    #expect(failure { () throws(FileError) in try Directory.make("\(root)/file") }?.contains("File exists; ") == true)
    #expect(
      failure { () throws(FileError) in try Directory.make("/proc/nope/x") }
        == "/proc/nope: cannot make the directory: No such file or directory; choose another path")
    #expect(
      failure { () throws(FileError) in try OutputFile.write([1], to: root) }?.contains("Is a directory; ") == true)
    #expect(
      failure { () throws(FileError) in try OutputFile.write([1], to: "/dev/full") }
        == "/dev/full: cannot write: No space left on device; make room there or choose another disk")
  }

  @Test func whatCannotBeWrittenIsKnownBefore() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    func refused(_ path: String) -> String? {
      failure { () throws(FileError) in try OutputFile.requireWritable(path) }
    }
    try OutputFile.write([1], to: "\(root)/file")
    #expect(refused("\(root)/file") == nil && refused("\(root)/new") == nil && refused("/dev/null") == nil)
    #expect(FileManager.default.contents(atPath: "\(root)/file") == Data([1]))
    #expect(try FileManager.default.contentsOfDirectory(atPath: root) == ["file"])
    #expect(refused(root)?.contains("cannot create the file: Is a directory; ") == true)
    #expect(refused("\(root)/none/file")?.contains("No such file or directory") == true)
    #expect(refused("\(root)/file/x")?.contains("a part of the path is a file") == true)
  }

  @Test func allSpellingsOfAFileAreOnePlace() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    try Directory.make("\(root)/a")
    try OutputFile.write([1], to: "\(root)/a/file")
    try FileManager.default.createSymbolicLink(atPath: "\(root)/link", withDestinationPath: "\(root)/a")
    for name in ["file", "new"] {
      let place = FilePlace("\(root)/a/\(name)")
      #expect(place == FilePlace("\(root)/a/../a/./\(name)") && place == FilePlace("\(root)/link/\(name)"))
      #expect(place != FilePlace("\(root)/\(name)") && place != FilePlace("\(root)/a/other"))
    }
    #expect(FilePlace("new-of-nobody") == FilePlace("./new-of-nobody") && FilePlace("/new") == FilePlace("//new"))
    #expect(FilePlace("\(root)/none/a") != FilePlace("\(root)/none/b"))
  }

  @Test func aFileIsReplacedAsAWholeOrNotAtAll() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    let path = "\(root)/file"
    try OutputFile.replace(path, with: [1, 2])
    try OutputFile.append([3], to: path)
    #expect(FileManager.default.contents(atPath: path) == Data([1, 2, 3]))
    let error = FileError("write", path, number: 28)
    #expect(
      failure { () throws(FileError) in try OutputFile.replace(path) { (_) throws(FileError) in throw error } } != nil)
    #expect(FileManager.default.contents(atPath: path) == Data([1, 2, 3]))
    try Directory.make("\(root)/directory/full")
    #expect(
      failure { () throws(FileError) in try OutputFile.replace("\(root)/directory", with: [1]) }?
        .hasPrefix("\(root)/directory: cannot replace: ") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: root).sorted() == ["directory", "file"])
  }
}
