# The engine. Two stages: the build needs the development dependencies, the image only what runs.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image brings its Node; the npm package that brings one along is for machines without.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npx tsc -p tsconfig.build.json && npm prune --omit=dev --ignore-scripts

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY bin ./bin
COPY migrations ./migrations
RUN install -d -o node -g node /var/lib/presentia
USER node
ENV PRESENTIA_DATA_DIR=/var/lib/presentia PRESENTIA_PROXY_LISTEN=0.0.0.0:8060 PRESENTIA_ADMIN_LISTEN=0.0.0.0:8061
EXPOSE 8060 8061
VOLUME /var/lib/presentia
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=5 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8061/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "bin/presentia.mjs", "start"]
