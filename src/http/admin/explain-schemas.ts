import { Type } from 'typebox'
import { accessLetters } from '../../core/model/access-list.ts'
import { AccessEntry } from './access-schemas.ts'
import { Member } from './member-schemas.ts'
import { AllRights, Publication } from './schemas.ts'

const Time = Type.String({ format: 'date-time' })

export const CategoryTrail = Type.Object({
  category: Type.String(),
  registered: Type.Boolean(),
  private: Type.Boolean({ description: 'Never given to others.' }),
  container: Type.Optional(Type.Integer({ description: 'Where the subscriber sees it; absent when it is blocked or not published.' })),
  rules: Type.Array(Type.Object({
    rule: Type.String({ description: 'user, domain, sameEnterprise, federated, publicCloud, everyone or default, in the order in which they decide.' }), value: Type.Optional(Type.String()),
    containers: Type.Array(Type.Integer(), { description: 'Containers with such a member, highest number first.' }), picks: Type.Optional(Type.Integer({ description: 'The first of them that publishes the category.' })),
  })),
  candidates: Type.Array(Type.Object({
    container: Type.Integer(), version: Type.Integer(), members: Type.Array(Member), published: Type.Boolean(), rule: Type.Optional(Type.String({ description: 'First rule by which the subscriber is a member.' })),
    outcome: Type.String({ description: 'wins, withheld, notPublished, notMember, lowerNumber or laterRule.' }), why: Type.String(),
  })),
  instances: Type.Array(Publication),
  quota: Type.Optional(Type.Object({ bytes: Type.Integer(), quotaBytes: Type.Integer(), maxBytes: Type.Integer() })),
})

export const DialogTrail = Type.Object({
  callId: Type.String(), localTag: Type.String(), remoteTag: Type.String(), kind: Type.String(), network: Type.String(), endpointId: Type.Optional(Type.String()), proxy: Type.String(), categories: Type.Array(Type.String()),
  createdAt: Time, expiresAt: Time,
  lastNotification: Type.Object({ cseq: Type.Integer(), at: Time, taken: Type.Optional(Type.Boolean({ description: 'False: the proxy did not take it, and it is owed. Absent for a batch: its last notification may have been about another publisher.' })) }),
  owed: Type.Optional(Type.Object({ attempts: Type.Integer(), reason: Type.String(), dueAt: Time }, { description: 'It could not be told the latest state of this publisher yet.' })),
})

const AccessWord = Type.Object({ decides: Type.Enum([...accessLetters], { description: 'A allow, D deny, P prompt, B polite block.' }), entry: Type.Optional(AccessEntry), why: Type.String() }, { description: 'What the access list of the publisher decides where the subscriber reads MSRTC or PIDF documents; absent where it says nothing.' })

const Usage = { used: Type.Integer(), max: Type.Integer() }

export const Explanation = Type.Object({
  publisher: Type.String(), subscriber: Type.String(),
  access: Type.Object({ granted: Type.Boolean(), refusal: Type.Optional(Type.String()), why: Type.Optional(Type.String()), publisherRights: AllRights, subscriberRights: Type.Optional(AllRights), accessList: Type.Optional(AccessWord) }, { description: 'Federation rights that apply, and what a SUBSCRIBE would be refused with.' }),
  network: Type.Object({ value: Type.Optional(Type.String({ description: 'Absent: the domain of the subscriber is blocked.' })), from: Type.String({ description: 'question, dialog or domain: who says so.' }) }),
  categories: Type.Array(CategoryTrail), dialogs: Type.Array(DialogTrail),
  quotas: Type.Object({ members: Type.Object(Usage), publications: Type.Object({ bytes: Type.Integer(), max: Type.Integer() }) }),
}, { $id: 'Explanation' })
