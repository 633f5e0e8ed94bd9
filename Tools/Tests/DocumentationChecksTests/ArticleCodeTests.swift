// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import DocumentationChecks
import Foundation
import TestSupport
import Testing

/// Which parts of an article are code, and the package that is made of them.
struct ArticleCodeTests {
  private static let article = """
    # An article

    ```swift
    import ReadCopyUpdate

    let first = 1
    ```

    A word in `code`, and ```three``` of them. Neither this is compiled:

    ```
    cd swift-urcu
    ```

    ```c
    int second = 2;
    ```

    <!-- a remark -->
    <!-- swift
    let second = 2
    -->
    - an item of a list:
      ```swift
      if first < second {
        print("- ```")
      }
      ```

    ````swift
    let text = \"\"\"
      ```
      \"\"\"
    ````
    """

  @Test func piecesAreBlocksAndComments() throws {
    let code = try ArticleCode(Self.article, file: "Article.md")
    #expect(
      code.pieces == [
        .init(line: 4, lines: ["import ReadCopyUpdate", "", "let first = 1"]),
        .init(line: 21, lines: ["let second = 2"]),
        .init(line: 25, lines: ["if first < second {", "  print(\"- ```\")", "}"]),
        .init(line: 31, lines: ["let text = \"\"\"", "  ```", "  \"\"\""]),
      ])
  }

  @Test func compilersNameTheArticle() throws {
    let code = try ArticleCode("\n```swift\nlet one = 1\n```\n", file: "a folder/\"A\".md")
    #expect(
      code.source == """
        #sourceLocation(file: "a folder/\\"A\\".md", line: 3)
        let one = 1
        #sourceLocation()

        """)
  }

  @Test func entryPointsAndLifetimesAreSeen() throws {
    func code(_ line: String) throws -> ArticleCode {
      try ArticleCode("```swift\n\(line)\n```", file: "Article.md")
    }
    #expect(try code("@main struct Program {}").hasEntryPoint)
    #expect(try !code("let main = 1").hasEntryPoint)
    #expect(try code("@_lifetime(copy section)").namesLifetimes)
    #expect(try !code("let lifetime = 1").namesLifetimes)
  }

  @Test func whatIsNotClosedIsRefused() {
    #expect(throws: ArticleError(file: "Article.md", line: 2, isComment: false)) {
      try ArticleCode("\n```swift\nlet one = 1\n``\n", file: "Article.md")
    }
    let comment = ArticleError(file: "Article.md", line: 1, isComment: true)
    #expect(throws: comment) {
      try ArticleCode("<!-- swift\n```swift\n```\n", file: "Article.md")
    }
    #expect("\(comment)" == "Article.md:1: a comment of Swift must end with a line “-->”")
  }

  @Test func eachArticleWithCodeIsAProgram() throws {
    let statements = try ArticleCode("```swift\nprint(1)\n```", file: "docs/Statements.md")
    let program = try ArticleCode("```swift\n@main struct P {}\n```", file: "A.docc/Program.md")
    let prose = try ArticleCode("Words.", file: "docs/Prose.md")
    let package = ArticlePackage(
      articles: [statements, program, prose], checkout: "/a \"checkout\"")
    #expect(package.programs.map(\.name) == ["article-Statements", "article-A-Program"])
    #expect(package.manifest.contains(#".package(name: "swift-urcu", path: "/a \"checkout\"")"#))
    #expect(package.manifest.contains(#"name: "article-A-Program""#))
    #expect(!package.manifest.contains("Prose"))
    #expect(!package.manifest.contains("Lifetimes"))

    try withTemporaryDirectory { folder in
      let url = URL(filePath: folder)
      func modified(_ file: String) throws -> Date? {
        try FileManager.default.attributesOfItem(atPath: "\(folder)/\(file)")[.modificationDate]
          as? Date
      }
      try package.write(to: url)
      let source = "Sources/article-Statements/main.swift"
      #expect(
        try String(contentsOfFile: "\(folder)/\(source)", encoding: .utf8) == statements.source)
      #expect(
        FileManager.default.fileExists(atPath: "\(folder)/Sources/article-A-Program/Program.swift"))

      // What hasn't changed isn't written again; what is written by another name goes.
      let before = try modified(source)
      try ArticlePackage(
        articles: [
          statements, try ArticleCode("```swift\nprint(2)\n```", file: "A.docc/Program.md"),
        ],
        checkout: "/checkout"
      ).write(to: url)
      #expect(try modified(source) == before)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: "\(folder)/Sources/article-A-Program")
          == ["main.swift"])
    }
  }
}
