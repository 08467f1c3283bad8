// node identity.cjs LIST FOUND: finds the faces of pictures, with 68 points and a descriptor each.
// LIST is a JSON file of {name, file, height, width}; each file has the picture's RGB bytes. FOUND
// becomes {name: [{score, box: [left, top, right, bottom], points, descriptor}]}, in px.

const fs = require("fs");
const path = require("path");
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
const faceapi = require("@vladmandic/face-api/dist/face-api.node-wasm.js");

const folderOf = (name) => path.dirname(require.resolve(name + "/package.json"));

async function main([list, found]) {
  wasm.setWasmPaths(folderOf("@tensorflow/tfjs-backend-wasm") + "/dist/");
  await tf.setBackend("wasm");
  await tf.ready();
  const { ssdMobilenetv1, faceLandmark68Net, faceRecognitionNet } = faceapi.nets;
  for (const net of [ssdMobilenetv1, faceLandmark68Net, faceRecognitionNet])
    await net.loadFromDisk(folderOf("@vladmandic/face-api") + "/model");
  const options = new faceapi.SsdMobilenetv1Options({ minConfidence: 0.3, maxResults: 24 });
  const faces = {};
  for (const { name, file, height, width } of JSON.parse(fs.readFileSync(list))) {
    const picture = tf.tensor3d(new Uint8Array(fs.readFileSync(file)), [height, width, 3], "int32");
    const all = await faceapi.detectAllFaces(picture, options).withFaceLandmarks()
      .withFaceDescriptors();
    picture.dispose();
    faces[name] = all.map(({ detection: { score, box }, landmarks, descriptor }) => ({
      score,
      box: [box.left, box.top, box.right, box.bottom],
      points: landmarks.positions.map(({ x, y }) => [x, y]),
      descriptor: Array.from(descriptor),
    }));
  }
  fs.writeFileSync(found, JSON.stringify(faces));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
