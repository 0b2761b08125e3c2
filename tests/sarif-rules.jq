# SPDX-License-Identifier: GPL-3.0-or-later
# The rules of the published schema of SARIF 2.1.0 for every object that vnecc writes: which members
# it may have, which it must have, what they may hold. Prints a line for each rule that is broken.
# A member that is not listed is an error here as it is there (additionalProperties: false).

def only($where; $names): (keys - $names)[] | "\($where): unknown member \(.)";
def needs($where; $name): if has($name) then empty else "\($where): no \($name)" end;
def text($where): if type == "string" then empty else "\($where): not a text" end;
def whole($where; $least):
  if type == "number" and . == floor and . >= $least then empty
  else "\($where): not a whole number from \($least)" end;
def word($where; $words): if IN($words[]) then empty else "\($where): \(.) is none of \($words)" end;
def distinct($where): if length == (unique | length) then empty else "\($where): an item stands twice" end;
def uri($where):
  if test("^[A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=%-]+$") and (test("%(?![0-9A-Fa-f]{2})") | not)
  then empty else "\($where): \(.) is no URI reference" end;
def levels: ["none", "note", "warning", "error"];

def message($where):
  only($where; ["text", "markdown", "id", "arguments", "properties"]),
  (if has("text") or has("id") then empty else "\($where): neither text nor id" end),
  ((.text // "") | text($where));

def region($where):
  only($where; ["startLine", "startColumn", "endLine", "endColumn", "charOffset", "charLength",
    "byteOffset", "byteLength", "snippet", "message", "sourceLanguage", "properties"]),
  (to_entries[] | select(.key | test("Line|Column")) | .value | whole("\($where).line or column"; 1)),
  (if .startLine > .endLine or (.startLine == .endLine and .startColumn > .endColumn)
   then "\($where): it ends before it starts" else empty end);

def location($where):
  only($where; ["id", "physicalLocation", "logicalLocations", "message", "annotations",
    "relationships", "properties"]),
  (.message // {text: ""} | message("\($where).message")),
  (.physicalLocation // {artifactLocation: {}} |
    only("\($where).physicalLocation"; ["address", "artifactLocation", "region", "contextRegion",
      "properties"]),
    (if has("artifactLocation") or has("address") then empty else "\($where): no artifact" end),
    (.artifactLocation // {} |
      only("\($where).artifactLocation"; ["uri", "uriBaseId", "index", "description",
        "properties"]),
      (select(has("uri")) | .uri | uri("\($where).uri"))),
    (select(has("region")) | .region | region("\($where).region")));

def rule($where):
  only($where; ["id", "deprecatedIds", "guid", "deprecatedGuids", "name", "deprecatedNames",
    "shortDescription", "fullDescription", "messageStrings", "defaultConfiguration", "helpUri",
    "help", "relationships", "properties"]),
  needs($where; "id"),
  (.id | text("\($where).id")), (.name // "" | text("\($where).name")),
  (.shortDescription // {text: ""} | only("\($where).shortDescription"; ["text", "markdown",
    "properties"]), needs("\($where).shortDescription"; "text")),
  (.defaultConfiguration // {} | only("\($where).defaultConfiguration"; ["enabled", "level", "rank",
    "parameters", "properties"]),
    (.level // "warning" | word("\($where).level"; levels)),
    (select(has("enabled")) | .enabled | word("\($where).enabled"; [true, false])));

def result($where; $rules):
  only($where; ["ruleId", "ruleIndex", "rule", "kind", "level", "message", "analysisTarget",
    "locations", "guid", "correlationGuid", "occurrenceCount", "partialFingerprints",
    "fingerprints", "stacks", "codeFlows", "graphs", "graphTraversals", "relatedLocations",
    "suppressions", "baselineState", "rank", "attachments", "hostedViewerUri", "workItemUris",
    "provenance", "fixes", "taxa", "webRequest", "webResponse", "properties"]),
  needs($where; "message"),
  (.message | message("\($where).message")),
  (.level // "warning" | word("\($where).level"; levels)),
  (select(has("ruleIndex")) | (.ruleIndex | whole("\($where).ruleIndex"; -1)),
    (if .ruleIndex >= 0 and $rules[.ruleIndex].id != .ruleId
     then "\($where): ruleIndex is of another rule" else empty end)),
  (.locations // [] | .[] | location("\($where).locations")),
  (.relatedLocations // [] | distinct("\($where).relatedLocations"),
    (.[] | location("\($where).relatedLocations")));

def run($where):
  only($where; ["tool", "invocations", "conversion", "language", "versionControlProvenance",
    "originalUriBaseIds", "artifacts", "logicalLocations", "graphs", "results",
    "automationDetails", "runAggregates", "baselineGuid", "redactionTokens", "defaultEncoding",
    "defaultSourceLanguage", "newlineSequences", "columnKind", "externalPropertyFileReferences",
    "threadFlowLocations", "taxonomies", "addresses", "translations", "policies", "webRequests",
    "webResponses", "specialLocations", "properties"]),
  needs($where; "tool"),
  (.columnKind // "utf16CodeUnits" | word("\($where).columnKind";
    ["utf16CodeUnits", "unicodeCodePoints"])),
  (.tool | only("\($where).tool"; ["driver", "extensions", "properties"]),
    needs("\($where).tool"; "driver"),
    (.driver | needs("\($where).driver"; "name"),
      only("\($where).driver"; ["guid", "name", "organization", "product", "productSuite",
        "shortDescription", "fullDescription", "fullName", "version", "semanticVersion",
        "dottedQuadFileVersion", "releaseDateUtc", "downloadUri", "informationUri",
        "globalMessageStrings", "notifications", "rules", "taxa", "locations", "language",
        "contents", "isComprehensive", "localizedDataSemanticVersion",
        "minimumRequiredLocalizedDataSemanticVersion", "associatedComponent",
        "translationMetadata", "supportedTaxonomies", "properties"]),
      (.rules // [] | distinct("\($where).rules"), (.[] | rule("\($where).rules"))))),
  (.tool.driver.rules // []) as $rules | .results // [] | .[] | result("\($where).results"; $rules);

only("log"; ["$schema", "version", "runs", "inlineExternalProperties", "properties"]),
needs("log"; "version"), needs("log"; "runs"),
(.version | word("log.version"; ["2.1.0"])),
(.runs[] | run("run"))
